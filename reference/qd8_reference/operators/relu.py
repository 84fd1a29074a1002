"""RELU, RELU6 and RELU_N1_TO_1: the bounds of the fused activations (R21)."""

from .. import arguments
from ..activation import clamp
from ..float16 import store, widen
from ..types import Float


def relu(x: Float) -> Float:
    """Return ``x``, at least 0; -0.0 becomes +0.0 and NaN stays (R3, R21)."""
    x = arguments.activations("x", x)
    return store(clamp(widen(x), "relu"), x.dtype)


def relu6(x: Float) -> Float:
    """Return ``x`` within 0 and 6; -0.0 becomes +0.0 and NaN stays (R3, R21)."""
    x = arguments.activations("x", x)
    return store(clamp(widen(x), "relu6"), x.dtype)


def relu_n1_to_1(x: Float) -> Float:
    """Return ``x`` within -1 and 1; NaN stays (R3, R21)."""
    x = arguments.activations("x", x)
    return store(clamp(widen(x), "relu_n1_to_1"), x.dtype)
