"""Float32 arithmetic by exact rational numbers: independent of NumPy's and of ours."""

from fractions import Fraction

import numpy as np

_FLT_MAX = Fraction(float(np.finfo(np.float32).max))
_FLT_MIN = Fraction(1, 2**126)


def fl(exact: Fraction, *, flushing: bool = False) -> np.float32:
    """Round a rational to float32, to nearest, ties to even (fl of numerics.md).

    ``flushing`` gives zero of the sign below 2^-126, judged after rounding to 24 bits
    of unbounded exponent (R2). An exact zero is +0.0.
    """
    if exact == 0:
        return np.float32(0.0)
    sign = -1.0 if exact < 0 else 1.0
    exact = abs(exact)
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    while Fraction(2) ** exponent > exact:
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= exact:
        exponent += 1
    unit = Fraction(2) ** (exponent - 23)
    # Python rounds a Fraction half to even.
    if flushing and round(exact / unit) * unit < _FLT_MIN:
        return np.float32(sign * 0.0)
    unit = max(unit, Fraction(1, 2**149))
    value = round(exact / unit) * unit
    return np.float32(sign * np.inf if value > _FLT_MAX else sign * float(value))


def fma(a: float, b: float, c: float) -> np.float32:
    """R1 for finite numbers."""
    return fl(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


def add(a: float, b: float) -> np.float32:
    """Return one rounded sum of finite numbers."""
    return fl(Fraction(float(a)) + Fraction(float(b)))


def mul(a: float, b: float) -> np.float32:
    """Return one rounded product of finite numbers, the sign of a zero included."""
    if a == 0 or b == 0:
        return np.float32(np.copysign(1.0, a) * np.copysign(0.0, b))
    return fl(Fraction(float(a)) * Fraction(float(b)))


def div(a: float, b: float) -> np.float32:
    """Return one rounded quotient of finite numbers, ``b`` not zero."""
    return fl(Fraction(float(a)) / Fraction(float(b)))
