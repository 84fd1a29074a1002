"""When is slower slower? By the median of block ratios, twice, in new processes.

A shared machine disturbs a block, not half of them; a process whose memory happens to
lie badly is slower in all of its blocks, but not in the next process. So a case counts
only if the median ratio is beyond the factor and three quarters of the ratios are
beyond half of it, and both again with fresh processes.
"""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

FACTOR = 1.10


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
    """Whether head is slower than base by more than noise."""
    ratios = sorted(timed.ratios)
    quarter = ratios[len(ratios) // 4]
    return median(ratios) > factor and quarter > 1 + (factor - 1) / 2


def slowdown(first: Timed, second: Timed) -> Finding:
    """Say by how much, in both runs."""
    times = [f"{1e6 * median(each):.0f} us" for each in (second.base, second.head)]
    factors = " and ".join(f"{median(t.ratios):.2f}" for t in (first, second))
    return Finding(first.name, f"slower: {factors} times base ({' -> '.join(times)})")


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
