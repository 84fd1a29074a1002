"""Which reductions are sums over groups of channels. Pure integers."""

from collections.abc import Sequence
from typing import NamedTuple


class Groups(NamedTuple):
    """An array as (outer, P, G, C), whose sums over P and C are wanted."""

    outer: int
    P: int
    G: int
    C: int


def grouped(shape: Sequence[int], axes: Sequence[int]) -> Groups | None:
    """How ``shape`` reduced over ``axes``, the last among them, is groups; or None."""
    runs: list[tuple[bool, int]] = []  # (reduced, extent), neighbours joined
    for axis, extent in enumerate(shape):
        reduced = axis in axes
        if extent == 1:
            continue
        if runs and runs[-1][0] == reduced:
            extent *= runs.pop()[1]
        runs.append((reduced, extent))
    if runs and not runs[-1][0]:
        runs.append((True, 1))
    if len(runs) == 3 and runs[0][0]:
        runs.insert(0, (False, 1))
    return Groups(*(extent for _, extent in runs)) if len(runs) == 4 else None
