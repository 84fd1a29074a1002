"""Operands that stand still along a short inner axis, written out beforehand.

The mean of each group that a group normalization subtracts is (groups, 1) against
(pixels, groups, channels of a group): ten elements a line. Written out once as
(groups, channels), which is little next to the pixels, it lets lines be as long as
both axes together.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from qd8.kernels.boxes import broadcast_strides, contiguous_strides, joined
from qd8.kernels.launch import Call
from qd8.kernels.movement import bind_broadcast_to

SHORT = 64  # elements of a line that is worth lengthening
SHARE = 8  # what is written out is at most one in so many elements of the output


def written_out(
    operands: Sequence[npt.NDArray], shape: Sequence[int], threads: int
) -> tuple[list[npt.NDArray], list[Call]]:
    """``operands``, some of them larger, and the calls that make those."""
    strides = [broadcast_strides(x.shape, shape) for x in operands]
    extents, *_ = joined(shape, *strides, contiguous_strides(shape))
    if extents[-1] >= SHORT:
        return list(operands), []
    found, calls = [], []
    for x in operands:
        own, full = _own_axes(x, shape)
        if own != full and prod(full) * SHARE <= prod(shape):
            copy = np.empty(full, x.dtype)
            calls += bind_broadcast_to(x.reshape(own), copy, threads=threads)
            x = copy
        found.append(x)
    return found, calls


def _own_axes(x, shape):
    """Extents of ``x`` and ``shape`` from the first axis on along which x is not 1."""
    extents = (1,) * (len(shape) - x.ndim) + x.shape
    first = next((axis for axis, n in enumerate(extents) if n > 1), len(shape))
    return extents[first:], tuple(shape[first:])
