"""REDUCE_MAX."""

from collections.abc import Sequence

import numpy as np

from .. import tensors
from ..activation import maximum
from ..float16 import store, widen
from ..reduction import reduce_axes
from ..types import F32, Tensor


def reduce_max(x: Tensor, *, axes: Sequence[int], keepdims: bool = False) -> Tensor:
    """Return the largest element over ``axes``; NaN wins, -0.0 < +0.0 (R3, R35).

    Parameters
    ----------
    x : float32, float16, int32 or int64
    axes : distinct integers, negative ones counting from the end, at least one
    keepdims : bool
        Whether the reduced axes stay, with 1 element each.
    """
    x = tensors.tensor("x", x, tensors.NUMBERS)
    if x.dtype in tensors.FLOATS:
        return store(
            np.asarray(reduce_axes(_largest, widen(x), axes, keepdims)), x.dtype
        )
    return np.asarray(reduce_axes(lambda e: e.max(axis=-1), x, axes, keepdims))


def _largest(elements: F32) -> F32:
    """Return the maximum over the last axis by R3; its order cannot matter."""
    found = elements[..., 0]
    for i in range(1, elements.shape[-1]):
        found = maximum(found, elements[..., i])
    return found
