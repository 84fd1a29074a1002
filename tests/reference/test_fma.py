"""R1 and R2 against exact rational arithmetic: the foundation of every bit."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from qd8_reference.fma import fma, fma_flushed

from tests.checks import assert_same_bits
from tests.exact import fl

# Any bit pattern, so that exponents are as likely as mantissas; and triples whose
# product is near the addend, where one rounding and two differ.
PATTERNS = st.integers(0, 2**32 - 1).map(
    lambda bits: np.array(bits, np.uint32).view(np.float32)[()]
)
FINITE = PATTERNS.filter(np.isfinite)


@st.composite
def near_ties(draw: st.DrawFn) -> tuple[np.float32, np.float32, np.float32]:
    """Draw triples whose exact sum is next to halfway between two float32."""
    bits = draw(st.integers(30, 46))
    odd = draw(st.integers(3, 2**14)) | 1
    remainder = -(1 << bits) % odd
    other = ((1 << bits) + remainder) // odd
    mantissa = draw(st.integers(2**23 + 1, 2**24 - 1))
    exponent = draw(st.integers(-60, 60))
    a = np.float32(odd * 2.0 ** (exponent // 2))
    b = np.float32(other * 2.0 ** (exponent - exponent // 2))
    c = np.float32(mantissa * 2.0 ** (exponent + bits + 1))
    return a, draw(st.sampled_from([b, -b])), draw(st.sampled_from([c, -c]))


@given(a=FINITE, b=FINITE, c=FINITE)
@example(np.float32(1 + 2**-23), np.float32(1 - 2**-23), np.float32(2.0**24 + 2))
@example(np.float32(2.0**-100), np.float32(2.0**-49), np.float32(2.0**-149))
def test_r1_rounds_once(a: np.float32, b: np.float32, c: np.float32) -> None:
    """Any finite triple gives the exact value rounded once."""
    check_r1(a, b, c)


@given(triple=near_ties())
def test_r1_rounds_once_next_to_ties(triple: tuple[np.float32, ...]) -> None:
    """A sum that float64 cannot tell from a tie still rounds by its exact value."""
    check_r1(*triple)


@given(
    exponent=st.integers(-60, -20),
    mantissas=st.tuples(st.integers(2**23, 2**24 - 1), st.integers(2**23, 2**24 - 1)),
    c=st.integers(-(2**24), 2**24),
)
def test_r1_and_r2_near_the_smallest_normal(
    exponent: int, mantissas: tuple[int, int], c: int
) -> None:
    """Around 2^-126 the fused form is exact, and its flushing decides exactly."""
    a = np.float32(mantissas[0] * 2.0**exponent)
    b = np.float32(mantissas[1] * 2.0 ** (-126 - 46 - exponent))
    check_r1(a, b, np.float32(c * 2.0**-149))
    check_r2(a, b, np.float32(c * 2.0**-148))


@pytest.mark.parametrize("offset", range(-4, 5))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_r2_decides_after_rounding_to_24_bits(offset: int, sign: float) -> None:
    """The threshold is 2^-126 - 2^-151, not 2^-126 and not the subnormal rounding."""
    exact = 2.0**-126 - 2.0**-151 + offset * 2.0**-153
    high = np.float32(2.0**-125)
    # exact has 28 bits; it is made of 2^-125 less a product of two float32.
    rest = Fraction(float(high)) - Fraction(exact)
    x, y = factor(rest)
    got = fma_flushed(array(-sign * x), array(y), array(sign * high))
    expected = sign * 0.0 if offset < 0 else sign * 2.0**-126
    assert_same_bits(np.array([expected], np.float32), got)


def check_r1(a: np.float32, b: np.float32, c: np.float32) -> None:
    """Compare ``fma`` with the rational result."""
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    got = fma(array(a), array(b), array(c))[0]
    if exact == 0:
        assert got == 0
        return
    assert_same_bits(fl(exact), got)


def check_r2(a: np.float32, b: np.float32, c: np.float32) -> None:
    """Compare ``fma_flushed`` with the rational result, for inputs not subnormal."""
    if 0 < abs(c) < 2.0**-126:
        c = np.float32(0)
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    if exact != 0:
        got = fma_flushed(array(a), array(b), array(c))[0]
        assert_same_bits(fl(exact, flushing=True), got)


def array(value: float) -> npt.NDArray[np.float32]:
    """Return an array of one element."""
    return np.array([value], np.float32)


def factor(value: Fraction) -> tuple[float, float]:
    """Split a dyadic rational into two float32 whose product it is."""
    n, shift = value.numerator, value.denominator.bit_length() - 1
    for divisor in range(1, 1 << 16):
        if n % divisor == 0 and n // divisor < 1 << 24:
            return divisor * 2.0**-70, n // divisor * 2.0 ** (70 - shift)
    raise ValueError(f"{value} is no product of two float32")


@pytest.mark.parametrize(
    ("a", "b", "c", "expected"),
    [
        (np.inf, 0.0, 1.0, np.nan),
        (np.inf, 2.0, -np.inf, np.nan),
        (np.inf, -2.0, 1.0, -np.inf),
        (np.nan, 1.0, 1.0, np.nan),
        (3e38, 2.0, -np.inf, -np.inf),
        (3e38, 2.0, 0.0, np.inf),
        (3e38, 2.0, -3e38, 3e38),  # the product alone would overflow
        (-0.0, 1.0, -0.0, -0.0),
        (-0.0, 1.0, 0.0, 0.0),
        (1.0, 1.0, -1.0, 0.0),
    ],
)
def test_r1_special_values(a: float, b: float, c: float, expected: float) -> None:
    """Infinities, NaN and the signs of zero follow IEEE 754."""
    assert_same_bits(array(expected), fma(array(a), array(b), array(c)))
