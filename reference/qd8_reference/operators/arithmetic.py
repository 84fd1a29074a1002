"""ADD, SUB and MUL: one rounding, NumPy broadcasting (R21)."""

import operator
from collections.abc import Callable

import numpy as np

from .. import arguments
from ..activation import clamp
from ..float16 import store, widen
from ..types import F32, Float


def add(a: Float, b: Float, *, activation: str = "none") -> Float:
    """Return ``activation(a + b)``; ``a`` and ``b`` both float32 or both float16."""
    return _elementwise(operator.add, a, b, activation)


def sub(a: Float, b: Float, *, activation: str = "none") -> Float:
    """Return ``activation(a - b)``; ``a`` and ``b`` both float32 or both float16."""
    return _elementwise(operator.sub, a, b, activation)


def mul(a: Float, b: Float, *, activation: str = "none") -> Float:
    """Return ``activation(a * b)``; ``a`` and ``b`` both float32 or both float16."""
    return _elementwise(operator.mul, a, b, activation)


def _elementwise(
    op: Callable[[F32, F32], F32], a: Float, b: Float, activation: str
) -> Float:
    """Apply ``op`` in float32 to operands of one dtype whose shapes broadcast."""
    a = arguments.activations("a", a)
    b = arguments.activations("b", b)
    if a.dtype != b.dtype:
        raise TypeError(f"a is {a.dtype} and b is {b.dtype}; they must be of one dtype")
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(
            f"a is {a.shape} and b is {b.shape}; these shapes do not broadcast"
        ) from None
    with np.errstate(all="ignore"):
        y = np.asarray(op(widen(a), widen(b)))  # R21
    return store(clamp(y, activation), a.dtype)
