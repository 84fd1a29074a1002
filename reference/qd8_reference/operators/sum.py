"""SUM."""

from collections.abc import Sequence

import numpy as np

from .. import tensors
from ..float16 import store, widen
from ..reduction import reduce_axes, sum_of
from ..types import Tensor


def sum(x: Tensor, *, axes: Sequence[int], keepdims: bool = False) -> Tensor:
    """Return the sum over ``axes`` in the order of R22; integers wrap (R29).

    Parameters
    ----------
    x : float32, float16, int32 or int64
    axes : distinct integers, negative ones counting from the end, at least one
    keepdims : bool
        Whether the reduced axes stay, with 1 element each.
    """
    x = tensors.tensor("x", x, tensors.NUMBERS)
    if x.dtype in tensors.FLOATS:
        total = reduce_axes(sum_of(x, axes), widen(x), axes, keepdims)
        return store(np.asarray(total), x.dtype)
    return np.asarray(
        reduce_axes(lambda e: e.sum(axis=-1, dtype=e.dtype), x, axes, keepdims)
    )
