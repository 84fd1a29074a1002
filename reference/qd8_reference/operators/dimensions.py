"""EXPAND_DIMS, SQUEEZE and SHAPE: extents, not elements."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import arguments, tensors
from ..types import Tensor


def expand_dims(x: Tensor, *, axis: int) -> Tensor:
    """Return ``x`` with an axis of one element at place ``axis`` of the result."""
    x = tensors.tensor("x", x)
    return np.expand_dims(x, arguments.axis(axis, x.ndim + 1)).copy()


def squeeze(x: Tensor, *, axes: Sequence[int] = ()) -> Tensor:
    """Return ``x`` without ``axes``, each of one element; without all such if ()."""
    x = tensors.tensor("x", x)
    if not tensors.integers("axes", axes):
        return np.squeeze(x).copy()
    gone = tensors.axes(axes, x.ndim)
    for axis in gone:
        if x.shape[axis] != 1:
            raise ValueError(
                f"axes is {axes!r} but x is {x.shape}; axis {axis} has "
                f"{x.shape[axis]} elements, not 1"
            )
    return np.squeeze(x, gone).copy()


def shape(x: Tensor, *, dtype: npt.DTypeLike = np.int32) -> Tensor:
    """Return the extents of ``x`` as a vector of int32 or int64."""
    x = tensors.tensor("x", x)
    return np.array(x.shape, tensors.one_of("dtype", dtype, tensors.INTEGERS))
