"""ABS, NEG, SQUARE, FLOOR, SQRT and RSQRT: at most one rounding a step (R28)."""

import numpy as np

from .. import arguments, tensors
from ..float16 import store, widen
from ..types import F32, Float, Tensor


def abs(x: Tensor) -> Tensor:
    """Return the magnitude of float, int32 or int64; the smallest integer stays."""
    return np.asarray(np.abs(tensors.tensor("x", x, tensors.NUMBERS)))


def neg(x: Tensor) -> Tensor:
    """Return ``-x`` of float, int32 or int64; the smallest integer stays."""
    return np.asarray(-tensors.tensor("x", x, tensors.NUMBERS))


@np.errstate(all="ignore")
def square(x: Float) -> Float:
    """Return ``x * x`` (R28)."""
    x = arguments.activations("x", x)
    wide = widen(x)
    return store(wide * wide, x.dtype)


def floor(x: Float) -> Float:
    """Return the largest integer that is not above ``x``; -0.0 stays (R28)."""
    x = arguments.activations("x", x)
    return store(np.floor(widen(x)), x.dtype)


@np.errstate(all="ignore")
def sqrt(x: Float) -> Float:
    """Return the square root in one rounding; -0.0 stays, below it is NaN (R28)."""
    x = arguments.activations("x", x)
    root: F32 = np.sqrt(widen(x))
    return store(root, x.dtype)


@np.errstate(all="ignore")
def rsqrt(x: Float) -> Float:
    """Return ``1 / sqrt(x)``: two roundings and no approximation (R28)."""
    x = arguments.activations("x", x)
    root: F32 = np.sqrt(widen(x))
    return store(np.float32(1) / root, x.dtype)
