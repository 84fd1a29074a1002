"""MEAN."""

import math
from collections.abc import Sequence

import numpy as np

from .. import arguments, tensors
from ..float16 import store, widen
from ..reduction import reduce_axes, sum_of
from ..types import F32, Float


def mean(x: Float, *, axes: Sequence[int], keepdims: bool = False) -> Float:
    """Return the mean over ``axes``: a sum in the order of R22, a true division.

    Parameters
    ----------
    x : float32 or float16
    axes : distinct integers, negative ones counting from the end, at least one
    keepdims : bool
        Whether the reduced axes stay, with 1 element each.

    Raises
    ------
    ValueError
        If an axis does not exist or is named twice, or nothing is to be reduced.
    """
    x = arguments.activations("x", x)
    total: F32 = reduce_axes(sum_of(x, axes), widen(x), axes, keepdims)
    count = math.prod(x.shape[axis] for axis in tensors.axes(axes, x.ndim))
    with np.errstate(all="ignore"):
        return store(np.asarray(total / np.float32(count)), x.dtype)  # R22
