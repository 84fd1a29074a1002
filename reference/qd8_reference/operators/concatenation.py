"""CONCATENATION."""

from collections.abc import Sequence

import numpy as np

from .. import arguments, tensors
from ..activation import activate
from ..types import Tensor


def concatenation(
    arrays: Sequence[Tensor], *, axis: int, activation: str = "none"
) -> Tensor:
    """Return the arrays one behind the other along ``axis``.

    Parameters
    ----------
    arrays : one or more, of one stored dtype, of one shape but for ``axis``
    axis : int, negative counting from the end
    activation : "none", "relu", "relu6" or "relu_n1_to_1"; "none" unless float
    """
    checked = tensors.arrays(arrays)
    first = checked[0]
    axis = arguments.axis(axis, first.ndim)
    for i, array in enumerate(checked):
        others = [
            shape[:axis] + shape[axis + 1 :] for shape in (array.shape, first.shape)
        ]
        if array.ndim != first.ndim or others[0] != others[1]:
            raise ValueError(
                f"arrays[{i}] is {array.shape} but arrays[0] is {first.shape}; "
                f"they may differ along axis {axis} only"
            )
    joined = np.concatenate(checked, axis=axis)
    return activate(joined, activation)
