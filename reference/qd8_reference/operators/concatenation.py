"""CONCATENATION."""

from collections.abc import Sequence

import numpy as np

from .. import arguments
from ..activation import clamp
from ..float16 import store, widen
from ..types import Float


def concatenation(
    arrays: Sequence[Float], *, axis: int, activation: str = "none"
) -> Float:
    """Return the arrays one behind the other along ``axis``.

    Parameters
    ----------
    arrays : one or more, all float32 or all float16, of one shape but for ``axis``
    axis : int, negative counting from the end
    activation : "none", "relu", "relu6" or "relu_n1_to_1"
    """
    if not isinstance(arrays, tuple | list) or not arrays:
        raise ValueError("arrays must be a list of at least one array")
    checked = [
        arguments.activations(f"arrays[{i}]", array) for i, array in enumerate(arrays)
    ]
    first = checked[0]
    axis = arguments.axis(axis, first.ndim)
    for i, array in enumerate(checked):
        if array.dtype != first.dtype:
            raise TypeError(
                f"arrays[{i}] is {array.dtype} but arrays[0] is {first.dtype}"
            )
        others = [
            shape[:axis] + shape[axis + 1 :] for shape in (array.shape, first.shape)
        ]
        if array.ndim != first.ndim or others[0] != others[1]:
            raise ValueError(
                f"arrays[{i}] is {array.shape} but arrays[0] is {first.shape}; "
                f"they may differ along axis {axis} only"
            )
    joined = np.concatenate([widen(array) for array in checked], axis=axis)
    return store(clamp(joined, activation), first.dtype)
