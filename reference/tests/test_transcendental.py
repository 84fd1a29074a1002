"""R24 to R26: the polynomial, its edges and how far it is from the truth."""

import unittest

import numpy as np
from qd8_reference import exp, logistic, softmax

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
    """R25."""

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


def by_rule(x: float) -> float:
    """R24 for an argument within -104 and 89."""
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
    y = fma(p, rounded(exact.Fraction(r) ** 2), r)
    y = rounded(exact.Fraction(y) + 1)
    return rounded(exact.Fraction(y) * exact.Fraction(2) ** n)


if __name__ == "__main__":
    unittest.main()
