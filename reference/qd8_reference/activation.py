"""Maximum, minimum (R3) and the fused activations, which are clamps."""

import numpy as np

from .float16 import store, widen
from .types import F32, F32Operand, Tensor

FLOATS = (np.float32, np.float16)

# R14: name -> (lo, hi).
BOUNDS = {
    "none": (np.float32(-np.inf), np.float32(np.inf)),
    "relu": (np.float32(0), np.float32(np.inf)),
    "relu6": (np.float32(0), np.float32(6)),
    "relu_n1_to_1": (np.float32(-1), np.float32(1)),
}


def maximum(a: F32Operand, b: F32Operand) -> F32:
    """Return the larger, NaN if either is NaN; -0.0 < +0.0 (R3)."""
    with np.errstate(invalid="ignore"):
        # np.maximum returns either zero; the sum of two zeros is -0.0 only if both are.
        return np.where((a == 0) & (b == 0), a + b, np.maximum(a, b))


def minimum(a: F32Operand, b: F32Operand) -> F32:
    """Return the smaller, NaN if either is NaN; -0.0 < +0.0 (R3)."""
    return -maximum(-a, -b)


def clamp(y: F32, activation: str) -> F32:
    """Return ``y`` within the bounds of ``activation``; NaN stays NaN (R3, R14).

    Raises
    ------
    ValueError
        If there is no such activation.
    """
    if activation not in BOUNDS:
        names = ", ".join(repr(name) for name in BOUNDS)
        raise ValueError(f"activation is {activation!r}; it must be one of {names}")
    lo, hi = BOUNDS[activation]
    return minimum(maximum(y, lo), hi)


def activate(y: Tensor, activation: str) -> Tensor:
    """Return ``y``, clamped if it is float; integers have no activation but none.

    Raises
    ------
    ValueError
        If there is no such activation, or none for the dtype of ``y``.
    """
    if y.dtype in FLOATS:
        return store(clamp(widen(y), activation), y.dtype)
    if activation != "none":
        raise ValueError(f"activation is {activation!r}; {y.dtype} takes only 'none'")
    return y
