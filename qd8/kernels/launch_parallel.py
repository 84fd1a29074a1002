"""The launcher for several threads: the only ``prange`` of the project."""

import numpy as np
from numba import njit, prange

from qd8.kernels.cache import SOURCE
from qd8.kernels.compiler import keep
from qd8.kernels.launch import place_words
from qd8.kernels.simd import call_task, word


def _launcher(source: int):
    @njit(parallel=True, nogil=True)
    def launch(program, x, out, acc, scratch):
        source  # noqa: B018  (in the closure, hence in the cache key)
        table, arguments = word(program, 0), scratch + word(program, 2)
        place_words(
            arguments, word(program, 3), word(program, 4), word(program, 5),
            x, out, acc, scratch,
        )  # fmt: skip
        for i in range(word(program, 1)):
            address = word(table, 3 * i)
            first = arguments + word(table, 3 * i + 1)
            tasks = word(table, 3 * i + 2)
            if tasks == 1:
                call_task(address, 0, 1, first)
            else:
                for task in prange(tasks):
                    call_task(address, np.int64(task), tasks, first)

    keep(launch)
    return launch


launch = _launcher(SOURCE)
