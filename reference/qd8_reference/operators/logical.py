"""LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT."""

import numpy as np

from .. import tensors
from ..types import Bool


def logical_and(a: Bool, b: Bool) -> Bool:
    """Return where both hold; the shapes broadcast (R29)."""
    a, b = tensors.operands(a, b, (np.bool_,))
    return np.asarray(a & b)


def logical_or(a: Bool, b: Bool) -> Bool:
    """Return where at least one holds; the shapes broadcast (R29)."""
    a, b = tensors.operands(a, b, (np.bool_,))
    return np.asarray(a | b)


def logical_not(x: Bool) -> Bool:
    """Return where ``x`` does not hold (R29)."""
    return ~tensors.tensor("x", x, (np.bool_,))
