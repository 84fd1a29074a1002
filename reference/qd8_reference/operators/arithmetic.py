"""ADD, SUB, MUL, DIV and SQUARED_DIFFERENCE, with NumPy's broadcasting (R21, R29)."""

import operator
from collections.abc import Callable

import numpy as np

from .. import tensors
from ..activation import activate
from ..float16 import store, widen
from ..types import Float, Tensor


def add(a: Tensor, b: Tensor, *, activation: str = "none") -> Tensor:
    """Return ``activation(a + b)``; ``a`` and ``b`` of one dtype, float or integer."""
    return activate(_elementwise(operator.add, a, b), activation)


def sub(a: Tensor, b: Tensor, *, activation: str = "none") -> Tensor:
    """Return ``activation(a - b)``; ``a`` and ``b`` of one dtype, float or integer."""
    return activate(_elementwise(operator.sub, a, b), activation)


def mul(a: Tensor, b: Tensor, *, activation: str = "none") -> Tensor:
    """Return ``activation(a * b)``; ``a`` and ``b`` of one dtype, float or integer."""
    return activate(_elementwise(operator.mul, a, b), activation)


def div(a: Tensor, b: Tensor, *, activation: str = "none") -> Tensor:
    """Return ``activation(a / b)``; integers truncate, and ``n / 0`` is 0 (R29)."""
    return activate(_elementwise(_divide, a, b), activation)


def squared_difference(a: Float, b: Float) -> Float:
    """Return ``(a - b) * (a - b)``, the difference rounded first (R21)."""
    a, b = tensors.operands(a, b, tensors.FLOATS)
    return _elementwise(_square_of_difference, a, b)


def _elementwise(
    op: Callable[[Tensor, Tensor], Tensor], a: object, b: object
) -> Tensor:
    """Apply ``op`` in float32, or modulo the integers' width (R21, R29)."""
    x, y = tensors.operands(a, b)
    with np.errstate(all="ignore"):
        if x.dtype in tensors.INTEGERS:
            return np.asarray(op(x, y))  # R29: numpy keeps the low bits
        return store(np.asarray(op(widen(x), widen(y))), x.dtype)  # R21


def _divide(a: Tensor, b: Tensor) -> Tensor:
    """Return the float quotient, or the integer one truncated towards zero."""
    if a.dtype in tensors.FLOATS:
        return np.asarray(a / b)
    # numpy rounds down: one more where that passed by zero. Signs decide, because
    # |smallest| is no number; smallest / -1 wraps to itself, n / 0 is 0.
    quotient, rest = np.divmod(a, b)
    below = (rest != 0) & ((a < 0) != (b < 0))
    return np.asarray(np.where(b == 0, 0, quotient + below).astype(a.dtype))


def _square_of_difference(a: Tensor, b: Tensor) -> Tensor:
    """Return the square of a rounded difference."""
    difference = a - b
    return np.asarray(difference * difference)
