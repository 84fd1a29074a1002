"""MAXIMUM and MINIMUM, element by element."""

import numpy as np

from .. import activation, tensors
from ..float16 import store, widen
from ..types import Tensor


def maximum(a: Tensor, b: Tensor) -> Tensor:
    """Return the larger, NaN if either is NaN, -0.0 < +0.0 (R3); shapes broadcast."""
    a, b = tensors.operands(a, b)
    if a.dtype in tensors.INTEGERS:
        return np.asarray(np.maximum(a, b))
    return store(activation.maximum(widen(a), widen(b)), a.dtype)


def minimum(a: Tensor, b: Tensor) -> Tensor:
    """Return the smaller, NaN if either is NaN, -0.0 < +0.0 (R3); shapes broadcast."""
    a, b = tensors.operands(a, b)
    if a.dtype in tensors.INTEGERS:
        return np.asarray(np.minimum(a, b))
    return store(activation.minimum(widen(a), widen(b)), a.dtype)
