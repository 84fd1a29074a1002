"""R1, R2 and R3 against exact rational arithmetic."""

import unittest
from fractions import Fraction

import numpy as np
from qd8_reference.activation import maximum, minimum
from qd8_reference.fma import flush, fma, fma_flushed, reciprocal_flushed

import exact
from bits import BitsTestCase, f32


def planted(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Draw triples whose sum is near a tie, a cancellation or the smallest normal."""
    # The product is 1 - (i 2^-23)^2, a little less than half a step of c: float64
    # rounds the sum to the tie itself.
    i, j = rng.integers(0, 64, n), rng.integers(0, 64, n)
    size = np.exp2(rng.integers(-60, 60, n))
    a, b, c = 1 + i * 2.0**-23, (1 - i * 2.0**-23) * size, size * (1 + j * 2.0**-23)
    c = c * np.exp2(24 - rng.choice([0, 0, 23, 24, 48], n))
    # Products from below 2^-151 up, beside sums near 2^-126.
    tiny = rng.random(n) < 0.4
    b = np.where(tiny, b / size * np.exp2(rng.integers(-80, -60, n)), b)
    a = np.where(tiny, a * np.exp2(rng.integers(-80, -60, n)), a)
    c = np.where(tiny, 2.0**-126 * (1 + rng.integers(-4, 8, n) * 2.0**-23), c)
    signs = rng.choice([-1, 1], (3, n))
    return tuple(
        (v * s).astype(np.float32) for v, s in zip((a, b, c), signs, strict=True)
    )


class FmaTest(BitsTestCase):
    """One rounding, and the flushing that decides by the exact value."""

    def test_equals_exact_arithmetic(self) -> None:
        """fma and fma_flushed equal Fractions rounded once, on planted triples."""
        a, b, c = planted(np.random.default_rng(1), 4000)
        for flushing, function in ((False, fma), (True, fma_flushed)):
            expected = f32(
                *(
                    exact.fma(float(x), float(y), float(z), flush=flushing)
                    for x, y, z in zip(a, b, c, strict=True)
                )
            )
            self.assert_bits(expected, function(a, b, c))

    def test_triples_tell_fma_from_other_roundings(self) -> None:
        """The triples above catch mul-then-add, float64, and late flushing."""
        with np.errstate(all="ignore"):
            a, b, c = planted(np.random.default_rng(1), 4000)
            wide = (a.astype(np.float64) * b + c).astype(np.float32)
            self.assertTrue((a * b + c != fma(a, b, c)).any())
            self.assertTrue((wide != fma(a, b, c)).any())
            self.assertTrue((flush(fma(a, b, c)) != fma_flushed(a, b, c)).any())

    def test_special_values(self) -> None:
        """Infinity, NaN and the sign of zero are those of IEEE 754."""
        inf, nan = np.inf, np.nan
        a = f32(inf, inf, 0, 1, -0.0, 0, 3e38, 1)
        b = f32(1, 0, inf, nan, 1, 1, 3e38, -1)
        c = f32(1, 1, 1, 1, -0.0, -0.0, -inf, 1)
        expected = f32(inf, nan, nan, nan, -0.0, 0.0, -inf, 0.0)
        self.assert_bits(expected, fma(a, b, c))
        self.assert_bits(expected, fma_flushed(a, b, c))

    def test_tininess_is_decided_after_rounding_to_24_bits(self) -> None:
        """R2: the tie 2^-126 - 2^-151 is kept, what lies below it is flushed."""
        tie = 1 - 2.0**-25
        product = f32(-(2.0**-100), -(2.0**-100), 2.0**-100)
        factor = f32(2.0**-51, 1.0000001 * 2.0**-51, 1.0000001 * 2.0**-51)
        start = f32(2.0**-126, 2.0**-126, -(2.0**-126))
        self.assertEqual(2.0**-126 * tie, 2.0**-126 - 2.0**-151)
        self.assert_bits(f32(2.0**-126, 0.0, -0.0), fma_flushed(product, factor, start))

    def test_flush_and_reciprocal(self) -> None:
        """Subnormals become zero of their sign, on the way in and on the way out."""
        self.assert_bits(
            f32(0.0, -0.0, 2.0**-126, np.inf),
            flush(f32(1e-39, -1e-39, 2.0**-126, np.inf)),
        )
        self.assertTrue(np.isnan(flush(f32(np.nan))[0]))
        x = np.random.default_rng(2).uniform(1e37, 3.4e38, 3000).astype(np.float32)
        x[:4] = 2.0**126, np.nextafter(f32(2.0**126), f32(np.inf))[0], np.inf, 1e-30
        expected = [
            exact.round_to_float32(1 / Fraction(float(v)), flush=True)
            if np.isfinite(v)
            else 0.0
            for v in x
        ]
        self.assert_bits(f32(*expected), reciprocal_flushed(x))


class MaximumTest(BitsTestCase):
    """R3."""

    def test_zeros_and_nan(self) -> None:
        """-0.0 < +0.0 in either order, and NaN wins on either side."""
        nan = np.nan
        a = f32(0.0, -0.0, -0.0, 1, nan, 1, -np.inf)
        b = f32(-0.0, 0.0, -0.0, 2, 1, nan, 3)
        self.assert_bits(f32(0.0, 0.0, -0.0, 2, nan, nan, 3), maximum(a, b))
        self.assert_bits(f32(-0.0, -0.0, -0.0, 1, nan, nan, -np.inf), minimum(a, b))


if __name__ == "__main__":
    unittest.main()
