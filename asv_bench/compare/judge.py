"""When is slower slower? By the median of block ratios, in three runs of three.

A shared machine disturbs a block, not half of them: hence the median. A process whose
memory happens to lie badly is slower in all of its blocks, but not in the next
process: hence the further runs, each with processes of its own.
"""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

#: A tile that is a fifth slower makes a whole call less than a fifth slower. An
#: unchanged case is beyond it in under 1 % of runs, in the noise that
#: tests/bench/test_compare.py draws.
FACTOR = 1.10
CONFIRMATIONS = 2


class Timed(NamedTuple):
    """Median seconds of a call in each block, base and head in turn."""

    name: str
    base: Sequence[float]
    head: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """How many times base's time head takes, turn by turn."""
        return [h / b for b, h in zip(self.base, self.head, strict=True)]


class Finding(NamedTuple):
    """Something that must not be, in words."""

    name: str
    what: str


def slower(timed: Timed, factor: float = FACTOR) -> bool:
    """Whether head is slower than base by more than noise, in one run."""
    return median(timed.ratios) > factor


def slowdown(runs: Sequence[Timed]) -> Finding:
    """Say by how much, in all runs, and the last run's times."""
    last = runs[-1]
    times = [f"{1e6 * median(each):.0f} us" for each in (last.base, last.head)]
    factors = ", ".join(f"{median(timed.ratios):.2f}" for timed in runs)
    return Finding(last.name, f"slower: {factors} times base ({' -> '.join(times)})")


def changed_bits(name: str, base: str, head: str) -> Finding | None:
    """A finding if the hashes of the answers differ."""
    if base == head:
        return None
    return Finding(name, f"changed bits: {base[:12]} -> {head[:12]}")


def verdict(compared: int, findings: Sequence[Finding]) -> int:
    """Exit status: 0 nothing found, 1 something, 2 if nothing was compared."""
    if not compared:
        return 2
    return 1 if findings else 0
