"""Sums of many float32 numbers, in the order that R22 defines."""

import numpy as np

from .types import F32

LANES = 16


def sum_lanes(x: F32) -> F32:
    """Return the sums (...) over the last axis of ``x (..., n)``: 16 lanes, a tree.

    Lane j adds elements j, j + 16, ... in ascending order from +0.0; then
    lane j adds lane j + 8, j + 4, j + 2 and j + 1.
    """
    n = x.shape[-1]
    lanes = np.zeros((*x.shape[:-1], LANES), np.float32)
    with np.errstate(all="ignore"):
        for start in range(0, n, LANES):  # R22
            block = x[..., start : start + LANES]
            lanes[..., : block.shape[-1]] += block
        for half in (8, 4, 2, 1):
            lanes = lanes[..., :half] + lanes[..., half : 2 * half]
    return lanes[..., 0]


def sum_chain(x: F32) -> F32:
    """Return the sums (...) over the first axis of ``x (n, ...)``, one by one (R22)."""
    total = np.zeros(x.shape[1:], np.float32)
    with np.errstate(all="ignore"):
        for row in x:
            total = total + row
    return total
