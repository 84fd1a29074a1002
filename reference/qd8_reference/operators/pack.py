"""PACK and UNPACK."""

from collections.abc import Sequence

import numpy as np

from .. import arguments, tensors
from ..types import Tensor


def pack(arrays: Sequence[Tensor], *, axis: int) -> Tensor:
    """Return the arrays, all of one shape and dtype, along a new ``axis`` (R36)."""
    checked = tensors.arrays(arrays)
    for i, array in enumerate(checked):
        if array.shape != checked[0].shape:
            raise ValueError(
                f"arrays[{i}] is {array.shape} but arrays[0] is {checked[0].shape}"
            )
    return np.stack(checked, arguments.axis(axis, checked[0].ndim + 1))


def unpack(x: Tensor, *, axis: int, num: int | None = None) -> list[Tensor]:
    """Return the parts of ``x`` along ``axis``, which they do not have (R36).

    ``num``, if given, says how many there are.
    """
    x = tensors.tensor("x", x)
    axis = arguments.axis(axis, x.ndim)
    if num is not None and num != x.shape[axis]:
        raise ValueError(
            f"num is {num!r} but axis {axis} of x, which is {x.shape}, "
            f"has {x.shape[axis]} elements"
        )
    return [part.copy() for part in np.moveaxis(x, axis, 0)]
