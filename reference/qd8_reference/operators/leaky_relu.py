"""LEAKY_RELU and PRELU: another slope below zero."""

import numpy as np

from .. import arguments, tensors
from ..float16 import store, widen
from ..types import F32, Float


def leaky_relu(x: Float, *, alpha: float) -> Float:
    """Return ``x``, multiplied by ``alpha`` where it is below 0 (R28).

    ``alpha`` is finite and rounded to float32; NaN and -0.0 stay.
    """
    x = arguments.activations("x", x)
    return store(
        _slope(widen(x), np.float32(arguments.finite("alpha", alpha))), x.dtype
    )


def prelu(x: Float, alpha: Float) -> Float:
    """Return ``x``, multiplied by ``alpha`` where ``x`` is below 0 (R28).

    Parameters
    ----------
    x : float32 or float16
    alpha : of the same dtype
        Broadcasts to the shape of ``x``.
    """
    x, alpha = tensors.operands(x, alpha, tensors.FLOATS, ("x", "alpha"))
    if tensors.broadcast(x=x.shape, alpha=alpha.shape) != x.shape:
        raise ValueError(f"alpha is {alpha.shape}; it must broadcast to x, {x.shape}")
    return store(_slope(widen(x), widen(alpha)), x.dtype)


def _slope(x: F32, alpha: F32 | np.float32) -> F32:
    """R28: a comparison and one product."""
    with np.errstate(all="ignore"):
        return np.where(x < 0, x * alpha, x)
