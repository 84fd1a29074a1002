"""Taking turns, so that what the machine does meanwhile meets both engines alike.

One thread: strictly A, B, A, B. Several threads: in blocks, because engines spin
after a call and rob each other; a block pauses until the other has gone to sleep,
makes one call untimed, then times several (facts of 2026: A, B, A, B with two threads
gave ratios between 0.04 and 2.5 for the same code). Turns that other processes have
disturbed are taken again (waiting.py).
"""

import time
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import NamedTuple

from .waiting import least_disturbed, watched

PAUSE = 0.020  # seconds; GNU OpenMP and pthreadpool spin for a few milliseconds

Call = Callable[[], object]


class Turns(NamedTuple):
    """Seconds of each call (one thread) or median seconds of each block, in turn.

    best_a, best_b : seconds of the fastest single call
    """

    a: list[float]
    b: list[float]
    best_a: float
    best_b: float

    @property
    def ratio(self) -> float:
        """How many times A's time B takes: the median over turns of b / a."""
        return median(b / a for a, b in zip(self.a, self.b, strict=True))


def seconds(call: Call) -> float:
    """Time one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def alternate(a: Call, b: Call, pairs: int) -> Turns:
    """Call A, B, A, B; one call of each before is not timed.

    Linux is asked around each call, not each pair: what it touches meanwhile costs
    whoever comes next some 1 to 3 us.
    """
    a()
    b()

    def turn() -> tuple[float, tuple[float, float]]:
        waited_a, time_a = watched(lambda: seconds(a))
        waited_b, time_b = watched(lambda: seconds(b))
        return max(waited_a, waited_b), (time_a, time_b)

    taken = least_disturbed(turn, pairs)
    times_a, times_b = [t for t, _ in taken], [t for _, t in taken]
    return Turns(times_a, times_b, min(times_a), min(times_b))


def block(call: Call, calls: int) -> list[float]:
    """Pause, call once, then time ``calls`` calls."""
    time.sleep(PAUSE)
    call()
    return [seconds(call) for _ in range(calls)]


def in_blocks(a: Call, b: Call, blocks: int, calls: int) -> Turns:
    """Take ``blocks`` turns of ``calls`` calls each."""
    taken = least_disturbed(
        lambda: watched(lambda: (block(a, calls), block(b, calls))), blocks
    )
    return Turns(
        [median(each) for each, _ in taken],
        [median(each) for _, each in taken],
        min(min(each) for each, _ in taken),
        min(min(each) for _, each in taken),
    )
