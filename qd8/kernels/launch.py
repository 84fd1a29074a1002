"""The launcher: run a kernel's tasks on threads, under a known control word.

This is the only ``prange`` of the project. Around each task, in the thread that
runs it, the floating-point control word is set to round-to-nearest without
flushing and put back afterwards; the task itself is an opaque call through a
pointer, across which no compiler moves arithmetic (kernels.md 6).
"""

import os
import threading
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import njit, prange

from qd8.kernels.cache import SOURCE, Kernel, keep
from qd8.kernels.simd import call_task, store_scalar, word


class Call(NamedTuple):
    """A kernel bound to its arguments, ready to run any number of times."""

    address: int
    arguments: npt.NDArray[np.int64]
    tasks: int
    keep: tuple[Any, ...] = ()  # owners of the memory that the arguments point at


def bind(kernel: Kernel, words: Iterable[int], tasks: int, *keep: Any) -> Call:
    """A call of ``kernel`` with the argument words, split into ``tasks``."""
    return Call(kernel.address, np.array(list(words), np.int64), tasks, keep)


class At(NamedTuple):
    """An argument word that is an address: an offset from one of a program's bases."""

    base: int
    offset: int = 0


# The bases of a program. Base 0 is address 0: its words are plain numbers.
X, OUT, ACCUMULATOR, SCRATCH = 1, 2, 3, 4


class Step(NamedTuple):
    """A kernel with words of which some are relative to a base."""

    kernel: Kernel
    words: Sequence[int | At]
    tasks: int


class Program:
    """Kernels run one after the other by compiled code, with no Python in between.

    The words of all steps lie in one array; where a step's word is an :class:`At`,
    the address of its base is added when the program runs, so that one program
    serves any arrays of the same shapes.
    """

    def __init__(self, steps: Sequence[Step], scratch_bytes: int) -> None:
        flat = [w for step in steps for w in step.words]
        self._words = np.array([w.offset if isinstance(w, At) else w for w in flat])
        self._bases = np.array([w.base if isinstance(w, At) else 0 for w in flat])
        firsts = np.cumsum([0, *(len(step.words) for step in steps)])
        self._table = np.array(
            [
                (step.kernel.address, 8 * first, step.tasks)
                for step, first in zip(steps, firsts, strict=False)
            ],
            np.int64,
        )
        self._spans = list(pairwise(firsts))
        self._parallel = any(step.tasks > 1 for step in steps)
        table, words, bases = (
            a.__array_interface__["data"][0]
            for a in (self._table, self._words, self._bases)
        )
        self._head = table, len(self._spans)
        self._body = words, bases, len(self._words)
        # The words of a call are placed at the end of its scratch.
        self._place = -(-scratch_bytes // 64) * 64
        self.scratch_bytes = self._place + self._words.nbytes

    def run(self, x: int, out: int, accumulator: int, scratch: int) -> None:
        """Run on arrays at these addresses; ``scratch`` has ``scratch_bytes``."""
        place = scratch + self._place
        tail = x, out, accumulator, scratch
        if self._parallel:
            _run(True, *self._head, place, *self._body, *tail)
        else:
            _launch_serial(*self._head, place, *self._body, *tail)

    def calls(self, bases: Sequence[int], *keep: Any) -> list[Call]:
        """The program as calls bound to base 1, 2, ..."""
        words = self._words + np.array((0, *bases))[self._bases]
        return [
            Call(int(address), words[first:last].copy(), int(tasks), keep)
            for (address, _, tasks), (first, last) in zip(
                self._table, self._spans, strict=True
            )
        ]


def _launchers(source: int):
    @njit(parallel=True, nogil=True)
    def launch(table, count, arguments, words, bases, total, x, out, acc, scratch):
        source  # noqa: B018  (in the closure, hence in the cache key)
        _place(arguments, words, bases, total, x, out, acc, scratch)
        for i in range(count):
            address = word(table, 3 * i)
            first = arguments + word(table, 3 * i + 1)
            tasks = word(table, 3 * i + 2)
            if tasks == 1:
                call_task(address, 0, 1, first)
            else:
                for task in prange(tasks):
                    call_task(address, np.int64(task), tasks, first)

    @njit(nogil=True)
    def launch_serial(
        table, count, arguments, words, bases, total, x, out, acc, scratch
    ):
        source  # noqa: B018
        _place(arguments, words, bases, total, x, out, acc, scratch)
        for i in range(count):
            address = word(table, 3 * i)
            first = arguments + word(table, 3 * i + 1)
            tasks = word(table, 3 * i + 2)
            for task in range(tasks):
                call_task(address, task, tasks, first)

    keep(launch)
    keep(launch_serial)
    return launch, launch_serial


@njit
def _place(arguments, words, bases, total, x, out, acc, scratch):
    """Write ``total`` words to ``arguments``, the addresses of their bases added."""
    for i in range(total):
        base, value = word(bases, i), word(words, i)
        if base == X:
            value += x
        elif base == OUT:
            value += out
        elif base == ACCUMULATOR:
            value += acc
        elif base == SCRATCH:
            value += scratch
        store_scalar(arguments + 8 * i, value)


_launch, _launch_serial = _launchers(SOURCE)
_lock = threading.Lock()
_state = {"layer": "", "forked": False}


class Linked:
    """Calls as one table: run one after the other with no Python in between."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls = tuple(calls)  # owns the arguments that the table points at
        self._table = np.array(
            [
                (
                    call.address,
                    call.arguments.__array_interface__["data"][0],
                    call.tasks,
                )
                for call in self._calls
            ],
            np.int64,
        )
        self._parallel = any(call.tasks > 1 for call in self._calls)

    def run(self) -> None:
        """Run them all; each may use several threads."""
        table = self._table.__array_interface__["data"][0]
        _run(self._parallel, table, len(self._calls), 0, *(0,) * 7)


def run(calls: Iterable[Call]) -> None:
    """Run the calls one after the other, once."""
    Linked(calls).run()


def _run(parallel: bool, *launch: int) -> None:
    """Run a table of (kernel address, where its words begin, tasks)."""
    if not parallel or _state["forked"]:
        _launch_serial(*launch)
    elif _state["layer"] in ("omp", "tbb"):
        _launch(*launch)
    else:
        # The first parallel call starts the threading layer, and workqueue aborts
        # the process when two threads use it at once: one at a time.
        with _lock:
            _launch(*launch)
            _state["layer"] = numba.threading_layer()


def threading_layer() -> str:
    """Numba's threading layer, or "" before the first parallel call."""
    return str(_state["layer"])


def _after_fork_in_child() -> None:
    # A child of a process that has used GNU OpenMP is killed at its first parallel
    # region (numba.md 2.5). Serial loops give the same bits.
    global _lock
    _lock = threading.Lock()
    if _state["layer"]:
        _state["forked"] = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
