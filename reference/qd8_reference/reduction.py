"""What reductions over axes have in common: which elements one output sees."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from . import tensors
from .summation import sum_chain, sum_lanes
from .types import F32, Tensor


def reduce_axes(
    fold: Callable[[Tensor], Tensor], x: Tensor, axes: Sequence[int], keepdims: bool
) -> Tensor:
    """Return ``fold`` of ``x`` brought into the shape (kept axes..., reduced elements).

    Parameters
    ----------
    fold : (..., n) -> (...)
        Takes the elements in row-major order of the reduced axes.
    axes : distinct axes of ``x``, at least one
    keepdims : bool
        Whether the reduced axes stay, with 1 element each.

    Raises
    ------
    ValueError
        If an axis does not exist or is named twice, or nothing is to be reduced.
    """
    reduced = tensors.axes(axes, x.ndim)
    kept = [axis for axis in range(x.ndim) if axis not in reduced]
    count = math.prod(x.shape[axis] for axis in reduced)
    if count == 0:
        raise ValueError(f"x is {x.shape}; there is nothing to reduce over {axes!r}")
    shape = [x.shape[axis] for axis in kept]
    folded = fold(x.transpose([*kept, *reduced]).reshape(*shape, count))
    return np.expand_dims(folded, reduced) if keepdims else folded


def sum_of(x: Tensor, axes: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """Return the sum that R22 defines for ``axes`` of float32 ``x``, as a ``fold``."""
    if x.ndim - 1 in tensors.axes(axes, x.ndim):
        return sum_lanes

    def chain(elements: F32) -> F32:
        return sum_chain(np.moveaxis(elements, -1, 0))

    return chain
