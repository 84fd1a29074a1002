"""The one rounding everything is built from (R1), and flushing (R2).

NumPy has no fused multiply-add, and its float32 expressions round twice where the
definition rounds once. float64 is wide enough to do it exactly.
"""

import numpy as np

from .types import F32, F64, F32Operand

SMALLEST_NORMAL = np.float32(2.0**-126)

# An x86 result is tiny if it is below 2^-126 *after* rounding to 24 bits with an
# unbounded exponent. 2^-126 - 2^-151 is the tie that rounds (to even) up to 2^-126.
TINY_BELOW = 2.0**-126 - 2.0**-151


def fma(a: F32Operand, b: F32Operand, c: F32Operand) -> F32:
    """Return ``a * b + c`` with one rounding; subnormals are kept (R1).

    Parameters
    ----------
    a, b, c : float32, broadcastable

    Notes
    -----
    NaN and infinity follow IEEE 754; an exact zero of unlike signs is +0.0.
    Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums:
    proved algorithms using rounding to odd", IEEE Trans. Computers 57 (2008).
    """
    with np.errstate(all="ignore"):
        return _sum_to_odd(a, b, c).astype(np.float32)  # R1: the only rounding


def fma_flushed(a: F32Operand, b: F32Operand, c: F32Operand) -> F32:
    """Return ``fma(a, b, c)``, a tiny result being zero of its sign (R1, R2).

    Whether a result is tiny is decided by its exact value: looking at the rounded
    float32 would keep what rounds up to 2^-126 only because subnormals are coarser.
    """
    with np.errstate(all="ignore"):
        exact = _sum_to_odd(a, b, c)
        tiny = np.abs(exact) < TINY_BELOW
        return np.where(tiny, np.copysign(0.0, exact), exact).astype(np.float32)


def flush(x: F32) -> F32:
    """Return ``x`` with subnormal elements replaced by zero of their sign (R2)."""
    return np.where(np.abs(x) < SMALLEST_NORMAL, np.copysign(np.float32(0), x), x)


def reciprocal_flushed(x: F32) -> F32:
    """Return ``1 / x`` in one rounding, a tiny result being zero (R2).

    Two roundings, to float64 and then to float32, are the same as one here (Figueroa
    1995: 53 >= 2 * 24 + 2) except for subnormal results, and those are flushed. The
    float64 quotient cannot land on ``TINY_BELOW`` itself: ``x`` would need 25 bits.
    """
    with np.errstate(all="ignore"):
        quotient = 1.0 / x.astype(np.float64)
        tiny = np.abs(quotient) < TINY_BELOW
        return np.where(tiny, np.copysign(0.0, quotient), quotient).astype(np.float32)


def _sum_to_odd(a: F32Operand, b: F32Operand, c: F32Operand) -> F64:
    """Return ``a * b + c`` rounded to float64 such that no second rounding can err."""
    product: F64 = np.multiply(a, b, dtype=np.float64)  # exact: 24 + 24 bits
    addend = np.asarray(c, np.float64)
    total: F64 = np.asarray(product + addend)
    # TwoSum (Knuth): total + error == product + addend exactly.
    virtual = total - product
    error = (product - (total - virtual)) + (addend - virtual)
    # Round to odd: where the sum is inexact and its last bit is 0, step towards the
    # error. Such a value is never a tie of float32, and stays on its side of one.
    bits = total.view(np.int64)
    inexact = np.isfinite(error) & (error != 0) & (bits & 1 == 0)
    away = (error > 0) == (total > 0)
    odd: F64 = (bits + inexact * np.where(away, 1, -1)).view(np.float64)
    return odd
