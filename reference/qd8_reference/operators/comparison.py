"""LESS, GREATER, EQUAL and their relatives; SELECT_V2."""

import operator
from collections.abc import Callable

import numpy as np

from .. import tensors
from ..types import Bool, Tensor


def less(a: Tensor, b: Tensor) -> Bool:
    """Return ``a < b``; false where either is NaN (R29)."""
    return _compare(operator.lt, a, b)


def less_equal(a: Tensor, b: Tensor) -> Bool:
    """Return ``a <= b``; false where either is NaN (R29)."""
    return _compare(operator.le, a, b)


def greater(a: Tensor, b: Tensor) -> Bool:
    """Return ``a > b``; false where either is NaN (R29)."""
    return _compare(operator.gt, a, b)


def greater_equal(a: Tensor, b: Tensor) -> Bool:
    """Return ``a >= b``; false where either is NaN (R29)."""
    return _compare(operator.ge, a, b)


def equal(a: Tensor, b: Tensor) -> Bool:
    """Return ``a == b``, also of bool; false where either is NaN (R29)."""
    return _compare(operator.eq, a, b, also=(np.bool_,))


def not_equal(a: Tensor, b: Tensor) -> Bool:
    """Return ``a != b``, also of bool; true where either is NaN (R29)."""
    return _compare(operator.ne, a, b, also=(np.bool_,))


def select(condition: Bool, a: Tensor, b: Tensor) -> Tensor:
    """Return ``a`` where ``condition`` holds, else ``b``; all three broadcast (R29).

    ``a`` and ``b`` are of one stored dtype, which is the result's.
    """
    condition = tensors.tensor("condition", condition, (np.bool_,))
    a, b = tensors.operands(a, b, tensors.STORED)
    tensors.broadcast(condition=condition.shape, a=a.shape, b=b.shape)
    return np.asarray(np.where(condition, a, b))


def _compare(
    op: Callable[[Tensor, Tensor], Bool],
    a: Tensor,
    b: Tensor,
    also: tuple[type, ...] = (),
) -> Bool:
    """Compare two arrays of one dtype whose shapes broadcast."""
    a, b = tensors.operands(a, b, (*tensors.NUMBERS, *also))
    with np.errstate(invalid="ignore"):
        return np.asarray(op(a, b))
