"""POW."""

import math

import numpy as np

from .. import tensors
from ..float16 import store, widen
from ..types import F64, Float

# log2 m = s (C0 + C1 s^2 + ...) with s = (m - 1) / (m + 1): the series of 2 artanh s.
# For m within 1/sqrt 2 and sqrt 2, s^2 <= 0.0295 and what is left out is 9e-16 of it.
LOG2_SERIES = [2 / ((2 * k + 1) * math.log(2)) for k in range(8, -1, -1)]
# exp g = 1 + g + g^2 / 2! + ...; |g| <= ln 2 / 2, and what is left out is 7e-15.
EXP_SERIES = [1 / math.factorial(k) for k in range(11, -1, -1)]


def pow(a: Float, b: Float) -> Float:
    """Return ``a`` to the power ``b``, in float64 and rounded once to float32 (R34).

    Parameters
    ----------
    a, b : both float32 or both float16; the shapes broadcast

    Returns
    -------
    Of the dtype of ``a`` and ``b``
        As C's ``pow`` for zeros, infinities and negative ``a``; but NaN wherever
        ``a`` or ``b`` is NaN, also for ``NaN ** 0`` and ``1 ** NaN`` (C1).
    """
    a, b = tensors.operands(a, b, tensors.FLOATS)
    x, y = np.broadcast_arrays(widen(a).astype(np.float64), widen(b).astype(np.float64))
    with np.errstate(all="ignore"):
        magnitude = np.abs(x)
        power = _exp2(_times(y, _log2(magnitude)))
        # A square often lies exactly between two float32: only the exact one decides.
        power = np.where(y == 2, magnitude * magnitude, power)
        whole = np.isinf(y) | (y == np.floor(y))
        odd = np.isfinite(y) & whole & (np.fmod(y, 2) != 0)
        power = np.where(np.signbit(x) & odd, -power, power)
        imaginary = (x < 0) & np.isfinite(x) & ~whole
        undefined = imaginary | np.isnan(x) | np.isnan(y)
        power = np.where(undefined, np.nan, power)
        return store(power.astype(np.float32), a.dtype)  # R34: the only rounding


def _log2(x: F64) -> F64:
    """Return the logarithm of ``x``, a float32 not below 0; of 0 it is -inf (R34)."""
    m, e = np.frexp(x)  # 1/2 <= m < 1
    below = m < math.sqrt(0.5)
    m, e = np.where(below, 2 * m, m), np.where(below, e - 1, e)
    s = (m - 1) / (m + 1)
    logarithm: F64 = e + s * _horner(LOG2_SERIES, s * s)
    return np.where(x == 0, -np.inf, np.where(np.isinf(x), np.inf, logarithm))


def _times(y: F64, logarithm: F64) -> F64:
    """Return the product, 0 * infinity being 0: there the power is 1, as C has it."""
    product = y * logarithm
    nothing = (y == 0) | (logarithm == 0)
    return np.where(nothing, 0, product)


def _exp2(t: F64) -> F64:
    """Return 2 to the power ``t``, at most 2^200 and at least 2^-200 (R34)."""
    t = np.clip(t, -200, 200)  # beyond float32 in any case
    n = np.rint(t)
    return np.ldexp(
        _horner(EXP_SERIES, (t - n) * math.log(2)),
        np.where(np.isnan(n), 0, n).astype(np.int32),
    )


def _horner(coefficients: list[float], x: F64) -> F64:
    """Return the polynomial, highest power first; every product and sum is rounded."""
    y = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        y = y * x + coefficient
    return y
