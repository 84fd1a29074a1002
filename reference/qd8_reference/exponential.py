"""The exponential function, defined as a polynomial so that no libm is asked (R24)."""

import numpy as np

from . import arguments
from .activation import maximum, minimum
from .float16 import store, widen
from .fma import fma
from .types import F32, I32, Float

LOG2_E = np.float32(1.44269504088896341)
# ln 2 = LN2_HIGH - LN2_LOW; n * LN2_HIGH is exact for the n that occur.
LN2_HIGH = np.float32(0.693359375)
LN2_LOW = np.float32(2.12194440e-4)
# The least x whose exponential is normal: -126 ln 2, rounded towards zero.
# Source: XNNPACK, vdenorm_cutoff of src/f32-vsigmoid and src/f32-raddstoreexpminusmax.
LOWEST_NORMAL = np.float32(-87.33654)
# exp(r) = 1 + r + r^2 P(r) for |r| <= ln 2 / 2, highest power first.
# Source: Cephes, single/expf.c (Moshier).
P = [
    np.float32(1.9875691500e-4),
    np.float32(1.3981999507e-3),
    np.float32(8.3334519073e-3),
    np.float32(4.1665795894e-2),
    np.float32(1.6666665459e-1),
    np.float32(5.0000001201e-1),
]


def exp(x: Float) -> Float:
    """Return e to the power ``x``, as R24 defines it.

    Parameters
    ----------
    x : float32 or float16, any shape

    Notes
    -----
    0 below -104, infinity above 88.73; NaN gives NaN. Subnormal results are kept.
    """
    x = arguments.activations("x", x)
    return store(exponential(widen(x)), x.dtype)


@np.errstate(all="ignore")
def exponential(x: F32) -> F32:
    """Return R24 of float32 ``x``."""
    x = minimum(maximum(x, np.float32(-104)), np.float32(89))
    n, e = _reduced(x)
    y = e + np.float32(1)
    half = n // 2  # in two steps, because 2^128 and 2^-150 are no float32
    return y * _power_of_two(half) * _power_of_two(n - half)


def vanishing(x: F32) -> F32:
    """Return R24 of ``x`` at most 0, but +0.0 where that is subnormal (R41)."""
    y: F32 = np.where(x < LOWEST_NORMAL, np.float32(0), exponential(x))
    return y


@np.errstate(all="ignore")
def exponential_minus_one(x: F32) -> F32:
    """Return R31, ``exp(x) - 1`` without cancellation, of ``x`` at most 0."""
    n, e = _reduced(maximum(x, np.float32(-32)))
    power = _power_of_two(n)
    return fma(e, power, power - np.float32(1))


@np.errstate(all="ignore")
def sigmoid(x: F32) -> F32:
    """Return R25 of float32 ``x``, ``1 / (1 + exp(-x))``.

    The exponential of a negative number only is taken, so nothing overflows.
    """
    e = vanishing(-np.abs(x))  # R25
    numerator: F32 = np.where(x >= 0, np.float32(1), e)  # NaN: e is NaN
    return numerator / (np.float32(1) + e)


def _reduced(x: F32) -> tuple[I32, F32]:
    """Return n and ``exp(r) - 1`` with ``x = n ln 2 + r``, |r| <= ln 2 / 2 (R24)."""
    n = np.rint(x * LOG2_E)
    r = fma(n, -LN2_HIGH, x)
    r = fma(n, LN2_LOW, r)
    p = np.full_like(r, P[0])
    for coefficient in P[1:]:
        p = fma(p, r, coefficient)
    e = fma(p, r * r, r)
    return np.where(np.isnan(n), 0, n).astype(np.int32), e  # NaN: e is NaN


def _power_of_two(n: I32) -> F32:
    """Return 2^n exactly, for -126 <= n <= 127."""
    return ((n + 127) << 23).astype(np.int32).view(np.float32)
