"""R24 to R26, R31 to R34, R41: polynomials, their edges, their errors."""

import math
import unittest

import numpy as np
from qd8_reference import elu, exp, gelu, logistic, pow, softmax, tanh
from qd8_reference.exponential import LOWEST_NORMAL, vanishing
from qd8_reference.fma import SMALLEST_NORMAL

import exact
from bits import BitsTestCase, f32


class ExpTest(BitsTestCase):
    """R24."""

    def test_equals_exact_arithmetic(self) -> None:
        """The rule, carried out in fractions with one rounding a step."""
        x = np.random.default_rng(1).uniform(-100, 88, 300).astype(np.float32)
        x[:5] = 0, -0.0, 1e-40, -103.5, 88.7
        expected = [by_rule(float(v)) for v in x]
        self.assert_bits(f32(*expected), exp(x))

    def test_edges(self) -> None:
        """0 below, infinity above, 1 at zero, NaN to NaN, a subnormal kept."""
        with np.errstate(all="raise"):
            got = exp(f32(-np.inf, -104, 0, 88.8, np.inf, np.nan))
        self.assert_bits(f32(0, 0, 1, np.inf, np.inf, np.nan), got)
        self.assertEqual(2.0**-149, exp(f32(-103))[0])

    def test_error(self) -> None:
        """The figure that docs/numerics.md states."""
        x = np.random.default_rng(0).uniform(-87, 88.7, 200_000).astype(np.float32)
        relative = exp(x) / np.exp(x.astype(np.float64)) - 1
        self.assertLessEqual(np.abs(relative).max(), 1.4 * 2.0**-24)


class LogisticTest(BitsTestCase):
    """R25 and R41."""

    def test_the_exponential_vanishes_where_it_would_be_subnormal(self) -> None:
        """For every float32 from -88 to -87, and at a coarser step for all others."""
        bits = np.arange(f32(87).view(np.uint32)[0], f32(88).view(np.uint32)[0] + 1)
        x = -bits.astype(np.uint32).view(np.float32)
        x = np.concatenate([x, np.linspace(-120, 0, 200_001, dtype=np.float32)])
        whole, got = exp(x), vanishing(x)
        normal = whole >= SMALLEST_NORMAL
        self.assertTrue((x[normal] >= LOWEST_NORMAL).all())
        self.assertTrue((x[~normal] < LOWEST_NORMAL).all())
        self.assert_bits(np.where(normal, whole, f32(0)), got)

    def test_no_result_is_subnormal(self) -> None:
        """It is 0 already where the exponential is."""
        x = f32(-87.33654, -87.33655, -88, -100, -103)
        got = logistic(x)
        self.assert_bits(f32(exp(x[:1])[0], 0, 0, 0, 0), got)

    def test_equals_the_rule(self) -> None:
        """Two divisions, chosen by sign, of exp of the negative magnitude."""
        x = np.random.default_rng(2).normal(size=500).astype(np.float32) * f32(9)
        e = exp(-np.abs(x))
        d = f32(1) + e
        self.assert_bits(np.where(x >= 0, f32(1) / d, e / d), logistic(x))

    def test_edges(self) -> None:
        """Limits are reached and NaN stays."""
        x = f32(-np.inf, -200, 0, -0.0, 200, np.inf, np.nan)
        self.assert_bits(f32(0, 0, 0.5, 0.5, 1, 1, np.nan), logistic(x))


class SoftmaxTest(BitsTestCase):
    """R26."""

    def test_sums_in_16_lanes(self) -> None:
        """The denominator is the sum of R22 over the exponentials."""
        x = np.random.default_rng(3).normal(size=(4, 37)).astype(np.float32)
        t = x * f32(1.7)
        e = exp(t - t.max(axis=1, keepdims=True))
        lane = np.zeros((4, 48), np.float32)
        lane[:, :37] = e
        lane = lane[:, :16] + lane[:, 16:32] + lane[:, 32:]
        for half in (8, 4, 2, 1):
            lane = lane[:, :half] + lane[:, half : 2 * half]
        self.assert_bits(e / lane, softmax(x, beta=1.7))

    def test_edges(self) -> None:
        """NaN and +inf spoil their row only; -inf has weight 0."""
        nan, inf = np.nan, np.inf
        x = f32(0, -inf, 0, nan, 1, 2, inf, 1, 2, -inf, -inf, -inf).reshape(4, 3)
        with np.errstate(all="raise"):
            got = softmax(x)
        self.assert_bits(f32(0.5, 0, 0.5), got[0])
        self.assertTrue(np.isnan(got[1:]).all())

    def test_no_quotient_is_subnormal(self) -> None:
        """It is 0 where e / s is below 2^-126, exactly; at 2^-126 it stays."""
        x = np.full((1, 64), -87, np.float32)
        x[0, :4] = 0, 0, -84, -86.5
        x[0, 4:6] = np.nextafter(f32(-86.64339, -86.64339), f32(-90, 0))
        e = exp(x)
        s = exact.Fraction(2)  # the others are below half a unit in its last place
        expected = [
            np.float32(exact.Fraction(float(v)) / s)
            if exact.Fraction(float(v)) / s >= exact.Fraction(2) ** -126
            else np.float32(0)
            for v in e[0]
        ]
        got = softmax(x)
        self.assert_bits(f32(*expected), got[0])
        self.assertEqual({True, False}, {bool(v) for v in got[0]})


class TanhTest(BitsTestCase):
    """R31 and R32."""

    def test_elu_equals_exact_arithmetic(self) -> None:
        """exp(x) - 1 by the rule, in fractions with one rounding a step."""
        x = -np.random.default_rng(4).uniform(0, 20, 200).astype(np.float32)
        x[:4] = -1e-40, -1e-6, -0.3, -17
        expected = [minus_one(float(v)) for v in x]
        self.assert_bits(f32(*expected), elu(x))

    def test_tanh_equals_the_rule(self) -> None:
        """Two more roundings, on the magnitude."""
        x = np.random.default_rng(5).normal(size=200).astype(np.float32) * f32(3)
        e = f32(*(minus_one(-2 * abs(float(v))) for v in x))
        self.assert_bits(np.copysign(e / (f32(2) + e), x), tanh(x))

    def test_edges(self) -> None:
        """Signs of zero, tiny numbers and NaN stay; the limits are reached."""
        x = f32(-np.inf, -200, -0.0, 0, 1e-45, -1e-30, 9.1, np.inf, np.nan)
        got = tanh(x)
        self.assert_bits(f32(-1, -1, -0.0, 0, 1e-45, -1e-30, 1, 1, np.nan), got)
        got = elu(x)
        expected = f32(-1, -1, -0.0, 0, 1e-45, -1e-30, 9.1, np.inf, np.nan)
        self.assert_bits(expected, got)

    def test_error(self) -> None:
        """The figures that docs/numerics.md states."""
        x = spread()
        self.assertLessEqual(error(tanh(x), np.tanh(wide(x))), 2.8)
        below = x[x < 0]
        self.assertLessEqual(error(elu(below), np.expm1(wide(below))), 1.4)


class GeluTest(BitsTestCase):
    """R33."""

    def test_edges(self) -> None:
        """Both forms: zero, what is far away, and what is not a number."""
        x = f32(0, -0.0, 20, -20, np.inf, -np.inf, np.nan)
        expected = f32(0, -0.0, 20, -0.0, np.inf, np.nan, np.nan)
        for approximate in (False, True):
            self.assert_bits(expected, gelu(x, approximate=approximate))

    def test_no_result_is_subnormal(self) -> None:
        """The share is normal up to 12.9, with a margin, and 0 beyond."""
        x = -np.linspace(11, 12.9, 50_001, dtype=np.float32)
        share = gelu(x) / x
        self.assertTrue((share > 1.8 * SMALLEST_NORMAL).all())
        beyond = np.nextafter(f32(-12.9), f32(-13))
        self.assert_bits(f32(-0.0, -0.0, -0.0), gelu(f32(beyond[0], -13.5, -14.9)))
        x = -np.linspace(9, 14, 50_001, dtype=np.float32)
        got = gelu(x, approximate=True)
        self.assertTrue(((got == 0) | (got < -SMALLEST_NORMAL)).all())

    def test_the_approximate_form_is_a_sigmoid(self) -> None:
        """x times R25 of a cubic, one rounding a step."""
        x = np.random.default_rng(6).normal(size=100).astype(np.float32)
        cubic, linear = np.float32(0.07135481282553094), np.float32(1.5957691216057308)
        expected = []
        for v in x:
            w = np.float32(exact.fma(float(v * v), float(cubic), float(linear)))
            expected.append(v * logistic(np.asarray(v * w))[()])
        self.assert_bits(f32(*expected), gelu(x, approximate=True))

    def test_error(self) -> None:
        """The figures that docs/numerics.md states."""
        x = spread()
        share = [math.erfc(-v / math.sqrt(2)) / 2 for v in wide(x)]
        self.assertLessEqual(error(gelu(x), x * np.array(share)), 6.5)
        v = math.sqrt(2 / math.pi) * (wide(x) + 0.044715 * wide(x) ** 3)
        truth, got = x / (1 + np.exp(-2 * v)), gelu(x, approximate=True)
        near = x > -3
        self.assertLessEqual(error(got[near], truth[near]), 14)
        far = x > -9
        self.assertLessEqual(error(got[far], truth[far]) * 2.0**-24, 1e-5)


class PowTest(BitsTestCase):
    """R34."""

    def test_is_correctly_rounded(self) -> None:
        """Against extended precision, where that decides; subnormal results too."""
        generator = np.random.default_rng(7)
        a = np.exp(generator.uniform(-40, 40, 180_000)).astype(np.float32)
        b = generator.uniform(-2.4, 2.4, 180_000).astype(np.float32)
        truth = np.power(wide(a), wide(b))
        with np.errstate(over="ignore"):
            above = (truth * (1 + 2.0**-45)).astype(np.float32)
            below = (truth * (1 - 2.0**-45)).astype(np.float32)
        decided = above == below
        self.assertGreater(decided.mean(), 0.999)
        self.assert_bits(above[decided], pow(a, b)[decided])

    def test_exact_steps(self) -> None:
        """Squares, roots, the number itself and small integer powers."""
        a = np.random.default_rng(8).normal(size=2000).astype(np.float32)
        self.assert_bits(a * a, pow(a, f32(2)))
        self.assert_bits(a, pow(a, f32(1)))
        self.assert_bits(np.sqrt(np.abs(a)), pow(np.abs(a), f32(0.5)))
        ties = np.arange(4097, 5793, 2, dtype=np.float32)  # squares of 25 bits, odd
        self.assert_bits(ties * ties, pow(ties, f32(2)))
        base = np.arange(-16, 17, dtype=np.float32)
        self.assert_bits(base**4, pow(base, f32(4)))
        self.assert_bits(f32(2.0**-149, 2.0**-126), pow(f32(2), f32(-149, -126)))

    def test_roots_follow(self) -> None:
        """b = 0.5 is correctly rounded where the root is closest to a tie."""
        between = np.arange(2**24 + 1, 2**25, 2, dtype=np.int64)  # 25 bits, odd
        square = between * between
        hard = []
        for bits in (25, 26):
            rest = (square + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
            hard.append((square - rest)[np.abs(rest) < 600])
        roots = np.concatenate(hard).astype(np.float64)
        roots = roots[roots.astype(np.float32) == roots]
        self.assertGreater(len(roots), 100)
        for exponent in range(-99, 11, 7):
            x = (roots * 4.0**exponent).astype(np.float32)
            self.assert_bits(np.sqrt(x), pow(x, f32(0.5)))

    def test_edges_are_those_of_c(self) -> None:
        """math.pow for zeros, infinities, signs; but NaN stays NaN (C1)."""
        numbers = [0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 0.5, math.inf, -math.inf, 3e38]
        powers = [0.0, -0.0, 1.0, 2.0, 3.0, -3.0, 0.5, -0.5, math.inf, -math.inf, 1e30]
        for a in numbers:
            for b in powers:
                with np.errstate(over="ignore"):
                    expected = f32(c_pow(float(np.float32(a)), b))
                self.assert_bits(expected, pow(f32(a), f32(b)))
        nan = f32(np.nan)
        self.assertTrue(np.isnan(pow(nan, f32(0, 1, 2, 0.5))).all())
        self.assertTrue(np.isnan(pow(f32(1, 0, np.inf, 2), nan)).all())


def spread() -> np.ndarray:
    """Draw 300,000 arguments of -12 to 12, a third of them near 0."""
    generator = np.random.default_rng(0)
    parts = generator.uniform(-12, 12, 200_000), generator.normal(size=100_000) * 0.1
    return np.concatenate(parts).astype(np.float32)


def wide(x: np.ndarray) -> np.ndarray:
    """Return float64."""
    return x.astype(np.float64)


def error(got: np.ndarray, truth: np.ndarray) -> float:
    """Return the largest relative error in units of 2^-24."""
    return np.abs(wide(got) / truth - 1).max() * 2.0**24


def c_pow(a: float, b: float) -> float:
    """Return C's pow, of which Python makes exceptions."""
    odd = b % 2 == 1 if math.isfinite(b) else False
    negative = odd and math.copysign(1, a) < 0
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if negative else math.inf
    except ValueError:
        if a == 0:
            return -math.inf if negative else math.inf
        return math.nan


def minus_one(x: float) -> float:
    """R31 for an argument within -32 and 0."""
    n, e = reduced(x)
    power = 2.0**n
    less = exact.round_to_float32(exact.Fraction(power) - 1)
    return exact.fma(e, power, less)


def by_rule(x: float) -> float:
    """R24 for an argument within -104 and 89."""
    n, y = reduced(x)
    y = exact.round_to_float32(exact.Fraction(y) + 1)
    return exact.round_to_float32(exact.Fraction(y) * exact.Fraction(2) ** n)


def reduced(x: float) -> tuple[int, float]:
    """Return n and exp(r) - 1 of R24."""
    rounded, fma = exact.round_to_float32, exact.fma
    single = [
        float(np.float32(c))
        for c in (
            1.9875691500e-4,
            1.3981999507e-3,
            8.3334519073e-3,
            4.1665795894e-2,
            1.6666665459e-1,
            5.0000001201e-1,
        )
    ]
    log2_e = exact.Fraction(float(np.float32(1.44269504088896341)))
    n = round(exact.Fraction(rounded(exact.Fraction(x) * log2_e)))
    r = fma(n, -float(np.float32(0.693359375)), x)
    r = fma(n, float(np.float32(2.12194440e-4)), r)
    p = single[0]
    for coefficient in single[1:]:
        p = fma(p, r, coefficient)
    return n, fma(p, rounded(exact.Fraction(r) ** 2), r)


if __name__ == "__main__":
    unittest.main()
