"""Whether a measurement was disturbed: how long its threads waited for a CPU.

On a shared machine other processes take the cores for a while. Linux says so to the
nanosecond, so a disturbed turn can be taken again instead of being averaged in.
"""

import os
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

TOLERATED = 0.02  # share of a turn's time
FURTHER = 2  # turns at most, in multiples of those that are wanted


def waited() -> float:
    """Seconds that threads of this process were ready to run but did not; 0 unknown.

    Source: Linux, Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat, the
    second number, in nanoseconds.
    """
    total = 0
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/schedstat") as file:
                total += int(file.read().split()[1])
    except (OSError, IndexError):  # no Linux, or the thread has ended
        return 0.0
    return total / 1e9


def watched(turn: Callable[[], T]) -> tuple[float, T]:
    """Take a turn; return which share of its time it waited, and what it returned."""
    before, start = waited(), perf_counter()
    found = turn()
    elapsed = perf_counter() - start
    return max(waited() - before, 0.0) / elapsed, found


def least_disturbed(turn: Callable[[], tuple[float, T]], count: int) -> list[T]:
    """Take turns until ``count`` were undisturbed; return them, in order.

    turn : returns the share of its time that it waited, and its result

    Where the machine gives no peace, the least disturbed of ``FURTHER`` times as many
    are returned: a figure is better than none, and a table says the same of all.
    """
    taken: list[tuple[float, T]] = []
    good = 0
    while good < count and len(taken) < FURTHER * count:
        taken.append(turn())
        good += taken[-1][0] <= TOLERATED
    # Undisturbed ones are all alike; sorting is stable, so the earlier is kept.
    order = sorted(range(len(taken)), key=lambda i: max(taken[i][0], TOLERATED))
    return [taken[i][1] for i in sorted(order[:count])]
