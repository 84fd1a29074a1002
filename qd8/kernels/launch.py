"""The launcher: run a kernel's tasks on threads, under a known control word.

Around each task, in the thread that runs it, the floating-point control word is set
to round-to-nearest without flushing and put back afterwards; the task itself is an
opaque call through a pointer, across which no compiler moves arithmetic
(kernels.md 6). The loops over tasks are kernels too (launchers.py).
"""

import ctypes
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels import team
from qd8.kernels.cache import Factory, Kernel, kernel


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
# The two words of a tail (chain.py); 0 where a program runs without one.
TAIL, TAIL_ARGUMENTS = 5, 6
# By how many elements the rows of out lie further apart than they are long.
GAP = 7


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
        self._threads = max((step.tasks for step in steps), default=1)
        table, words, bases = (
            a.__array_interface__["data"][0]
            for a in (self._table, self._words, self._bases)
        )
        # The words of a call are placed at the end of its scratch.
        place = -(-scratch_bytes // 64) * 64
        self.scratch_bytes = place + self._words.nbytes
        self._program = _program(
            table, len(self._spans), place, words, bases, len(self._words)
        )

    def run(self, x: int, out: int, accumulator: int, scratch: int) -> None:
        """Run on arrays at these addresses; ``scratch`` has ``scratch_bytes``."""
        _run(self._threads, self._program[1], x, out, accumulator, scratch)

    def calls(self, bases: Sequence[int], *keep: Any) -> list[Call]:
        """The program as calls bound to base 1, 2, ..."""
        words = self._words + np.array((0, *bases))[self._bases]
        return [
            Call(int(address), words[first:last].copy(), int(tasks), keep)
            for (address, _, tasks), (first, last) in zip(
                self._table, self._spans, strict=True
            )
        ]


@cache
def _serial():
    """The launcher for one thread; like the other, it runs without the GIL."""
    function = kernel("launchers.serial", arguments=5)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(function.address)


@cache
def _shared():
    """The launcher for a team of threads."""
    function = kernel("launchers.shared", arguments=6)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)(function.address)


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
        self._threads = max((call.tasks for call in self._calls), default=1)
        table = self._table.__array_interface__["data"][0]
        self._program = _program(table, len(self._calls), 0, 0, 0, 0)

    def run(self) -> None:
        """Run them all; each may use several threads."""
        _run(self._threads, self._program[1], 0, 0, 0, 0)


def run_once(
    factory: Factory | str,
    constants: Iterable[int],
    words: Iterable[int],
) -> None:
    """Run a kernel as one task, in this thread."""
    run([bind(kernel(factory, *constants), words, 1)])


def run(calls: Iterable[Call]) -> None:
    """Run the calls one after the other, once."""
    Linked(calls).run()


def _program(*words: int) -> tuple[npt.NDArray[np.int64], int]:
    """What launchers are given, and its address.

    words : the address of a table of (kernel, where its words begin, tasks) and its
        rows; where in scratch words are placed; the addresses of the words, relative
        to their bases, and of the bases; how many words
    """
    program = np.array(words, np.int64)
    return program, program.__array_interface__["data"][0]


def prepare(threads: int) -> None:
    """Do ahead what the first call by so many threads would: compile, start a team."""
    crew = team.borrow(threads) if threads > 1 else None
    if crew is not None:
        _shared()
        team.give_back(crew)


def _run(threads: int, *launch: int) -> None:
    """Run a program on arrays: (program, x, out, accumulator, scratch)."""
    crew = team.borrow(threads) if threads > 1 else None
    if crew is None:
        _serial()(*launch)
        return
    try:
        crew.wake()
        _shared()(crew.address, *launch)
    finally:
        team.give_back(crew)
