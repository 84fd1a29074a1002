"""The quantized operators once more, in Python's integers and fractions.

Slower still than the reference and written without looking at it: no NumPy
arithmetic, no rounding but ``round_to_float32``. Finite rows only.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

FLT_MIN = Fraction(1, 2**126)
FLT_MAX = (2 - Fraction(1, 2**23)) * 2**127


def round_to_float32(exact: Fraction, *, flush: bool = False) -> float:
    """Round to float32, ties to even; with ``flush`` tiny results are zero (R2)."""
    if exact == 0:
        return 0.0
    magnitude = abs(exact)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if Fraction(2) ** exponent > magnitude:
        exponent -= 1
    sign = math.copysign(1.0, exact)
    if flush:
        unit = Fraction(2) ** (exponent - 23)
        if round(magnitude / unit) * unit < FLT_MIN:
            return sign * 0.0
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    rounded = round(magnitude / unit) * unit  # Python rounds half to even
    return sign * (math.inf if rounded > FLT_MAX else float(rounded))


def fma(a: float, b: float, c: float, *, flush: bool = False) -> float:
    """Return a * b + c of finite numbers in one rounding."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:  # IEEE 754: a sum of zeros of unlike sign is +0.0
        return a * b + c
    return round_to_float32(exact, flush=flush)


def quantize(row: Sequence[float]) -> tuple[list[int], int, float]:
    """Return the values, zero point and scale of a row of ordinary magnitude."""
    low, high = min(0.0, *row), max(0.0, *row)
    extent = round_to_float32(Fraction(high) - Fraction(low))
    multiplier = round_to_float32(255 / Fraction(extent)) if extent else 1.0

    def times(x: float) -> Fraction:
        return Fraction(round_to_float32(Fraction(x) * Fraction(multiplier)))

    below = Fraction(round_to_float32(-128 + times(low)))
    above = Fraction(round_to_float32(127 + times(high)))
    if round_to_float32(below + above) > 0:
        zero_point = Fraction(round_to_float32(-128 - times(low)))
    else:
        zero_point = Fraction(round_to_float32(127 - times(high)))
    zero = round(min(max(zero_point, Fraction(-128)), Fraction(127)))
    values = [min(max(round(times(x)) + zero, -128), 127) for x in row]
    return values, zero, round_to_float32(1 / Fraction(multiplier), flush=True)


def wrap(n: int) -> int:
    """Return n modulo 2^32, as an int32."""
    return (n + 2**31) % 2**32 - 2**31


def epilogue(acc: int, scale: float, weight_scale: float, bias: float) -> float:
    """Return the output before its activation."""
    t = round_to_float32(
        Fraction(round_to_float32(Fraction(acc))) * Fraction(scale), flush=True
    )
    return fma(t, weight_scale, bias, flush=True)
