"""The launcher: run a kernel's tasks on threads, under a known control word.

This is the only ``prange`` of the project. Around each task, in the thread that
runs it, the floating-point control word is set to round-to-nearest without
flushing and put back afterwards; the task itself is an opaque call through a
pointer, across which no compiler moves arithmetic (kernels.md 6).
"""

import os
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

from qd8.kernels.cache import SOURCE, Kernel
from qd8.kernels.simd import call_task


class Call(NamedTuple):
    """A kernel bound to its arguments, ready to run any number of times."""

    address: int
    arguments: npt.NDArray[np.int64]
    tasks: int
    keep: tuple[Any, ...] = ()  # owners of the memory that the arguments point at


def bind(kernel: Kernel, words: Iterable[int], tasks: int, *keep: Any) -> Call:
    """A call of ``kernel`` with the argument words, split into ``tasks``."""
    return Call(kernel.address, np.array(list(words), np.int64), tasks, keep)


def _launchers(source: int):
    @njit(parallel=True, nogil=True, cache=True)
    def launch(address, arguments, tasks):
        source  # noqa: B018  (in the closure, hence in the cache key)
        for task in prange(tasks):
            call_task(address, np.int64(task), tasks, arguments)

    @njit(nogil=True, cache=True)
    def launch_serial(address, arguments, tasks):
        source  # noqa: B018
        for task in range(tasks):
            call_task(address, task, tasks, arguments)

    return launch, launch_serial


_launch, _launch_serial = _launchers(SOURCE)
_lock = threading.Lock()
_state = {"layer": "", "forked": False}


def run(calls: Iterable[Call]) -> None:
    """Run the calls one after the other; each may use several threads."""
    for address, arguments, tasks, _ in calls:
        words = arguments.__array_interface__["data"][0]
        if tasks == 1 or _state["forked"]:
            _launch_serial(address, words, tasks)
        elif _state["layer"] in ("omp", "tbb"):
            _launch(address, words, tasks)
        else:
            # The first parallel call starts the threading layer, and workqueue
            # aborts the process when two threads use it at once: one at a time.
            with _lock:
                _launch(address, words, tasks)
                _state["layer"] = numba.threading_layer()


def _after_fork_in_child() -> None:
    # A child of a process that has used GNU OpenMP is killed at its first
    # parallel region (numba.md 2.5). Serial loops give the same bits.
    global _lock
    _lock = threading.Lock()
    if _state["layer"]:
        _state["forked"] = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
