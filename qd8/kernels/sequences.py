"""Calls one after the other as one task, such sequences as tasks of one call."""

from collections.abc import Sequence

import numpy as np

from qd8.kernels import cache, launch
from qd8.kernels.calls import call_kernel
from qd8.kernels.scalars import word


def _factory(source):
    def sequence(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        at = word(arguments, 2 * task)
        for i in range(word(arguments, 2 * task + 1)):
            call_kernel(word(at, 2 * i), 0, 1, word(at, 2 * i + 1))

    return sequence


def bind_sequences(sequences: Sequence[Sequence[launch.Call]]) -> launch.Call:
    """Return the call whose tasks run a sequence each; its calls have one task."""
    assert all(call.tasks == 1 for calls in sequences for call in calls)
    tables = [
        np.array(
            [
                (call.address, call.arguments.__array_interface__["data"][0])
                for call in calls
            ],
            np.int64,
        )
        for calls in sequences
    ]
    words = [
        number
        for table in tables
        for number in (table.__array_interface__["data"][0], len(table))
    ]
    kernel = cache.kernel(_factory)
    return launch.bind(kernel, words, len(tables), tables, *sequences)
