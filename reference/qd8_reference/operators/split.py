"""SPLIT and SPLIT_V."""

from collections.abc import Sequence

import numpy as np

from .. import arguments, tensors
from ..types import Tensor


def split(x: Tensor, *, num: int, axis: int) -> list[Tensor]:
    """Return ``num`` equal parts of ``x`` along ``axis``, in order (R36)."""
    x = tensors.tensor("x", x)
    axis = arguments.axis(axis, x.ndim)
    if not arguments.is_integer(num) or num < 1 or x.shape[axis] % num:
        raise ValueError(
            f"num is {num!r}; it must divide the {x.shape[axis]} "
            f"elements of axis {axis} of x, which is {x.shape}"
        )
    return [part.copy() for part in np.split(x, num, axis)]


def split_v(x: Tensor, *, sizes: Sequence[int], axis: int) -> list[Tensor]:
    """Return parts of ``x`` of ``sizes`` along ``axis``, in order (R36).

    One of ``sizes`` may be -1: as many elements as the others leave.
    """
    x = tensors.tensor("x", x)
    axis = arguments.axis(axis, x.ndim)
    counts = list(tensors.integers("sizes", sizes, at_least=-1))
    if counts.count(-1) == 1:
        counts[counts.index(-1)] = x.shape[axis] - sum(counts) - 1
    if not counts or min(counts) < 0 or sum(counts) != x.shape[axis]:
        raise ValueError(
            f"sizes is {sizes!r}; they must sum up to the {x.shape[axis]} "
            f"elements of axis {axis} of x, which is {x.shape}"
        )
    return [part.copy() for part in np.split(x, np.cumsum(counts)[:-1], axis)]
