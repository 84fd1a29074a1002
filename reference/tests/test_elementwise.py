"""R21, R28 and R29: one element in, or two, and one out."""

import unittest

import numpy as np
import qd8_reference as qd8

from bits import BitsTestCase, f32

NAN, INF = np.nan, np.inf
SMALLEST = -(2**31)


def half(*values: float) -> np.ndarray:
    """Return a float16 array of the values."""
    return np.array(values, np.float16)


def i32(*values: int) -> np.ndarray:
    """Return an int32 array of the values."""
    return np.array(values, np.int32)


class FloatTest(BitsTestCase):
    """Edges, and one rounding a step."""

    def test_signs(self) -> None:
        """ABS and NEG change the sign alone, of zeros, infinities and integers too."""
        x = f32(-0.0, 0, -INF, 1e-45, NAN)
        self.assert_bits(f32(0, 0, INF, 1e-45, NAN), qd8.abs(x))
        self.assert_bits(f32(0, -0.0, INF, -1e-45, NAN), qd8.neg(x))
        self.assert_bits(i32(SMALLEST, -5), qd8.neg(i32(SMALLEST, 5)))
        self.assert_bits(i32(SMALLEST, 5), qd8.abs(i32(SMALLEST, -5)))

    def test_roots(self) -> None:
        """SQRT is one rounding, RSQRT two; neither flushes; negatives are NaN."""
        x = np.exp(np.random.default_rng(1).uniform(-90, 88, 999)).astype(np.float32)
        root = np.sqrt(x.astype(np.float64)).astype(np.float32)  # 53 >= 2 * 24 + 2
        self.assert_bits(root, qd8.sqrt(x))
        inverse = (1 / root.astype(np.float64)).astype(np.float32)
        self.assert_bits(inverse, qd8.rsqrt(x))
        edges = f32(-0.0, 0, -1e-45, INF, NAN, 2.0**-148)
        self.assert_bits(f32(-0.0, 0, NAN, INF, NAN, 2.0**-74), qd8.sqrt(edges))
        self.assert_bits(f32(-INF, INF, NAN, 0, NAN, 2.0**74), qd8.rsqrt(edges))

    def test_slopes(self) -> None:
        """Only what is below zero is multiplied; NaN and -0.0 stay."""
        x = f32(-2, -0.0, 3, NAN, -INF)
        alpha = np.float32(0.1)
        expected = f32(-2 * alpha, -0.0, 3, NAN, -INF)
        self.assert_bits(expected, qd8.leaky_relu(x, alpha=0.1))
        self.assert_bits(expected, qd8.prelu(x, f32(0.1)))
        self.assert_bits(f32(0, -0.0), qd8.leaky_relu(f32(0, -0.0), alpha=-1.0))

    def test_hard_swish(self) -> None:
        """0 below -3, x above 3, and no overflow on the way."""
        x = f32(-3, -4, 3, 5, 1e38, 0, NAN, -INF)
        self.assert_bits(f32(-0.0, -0.0, 3, 5, 1e38, 0, NAN, NAN), qd8.hard_swish(x))

    def test_squares(self) -> None:
        """SQUARED_DIFFERENCE rounds the difference before it squares it."""
        a, b = f32(1, 2.0**-25), f32(2.0**-25, 1)
        self.assert_bits(f32(1, 1), qd8.squared_difference(a, b))
        self.assert_bits(f32(1e-40, INF, NAN), qd8.square(f32(1e-20, -1e20, NAN)))

    def test_extremes_follow_r3(self) -> None:
        """NaN wins on either side and -0.0 is below +0.0."""
        a, b = f32(NAN, 1, -0.0, 0, -1), f32(1, NAN, 0, -0.0, 2)
        self.assert_bits(f32(NAN, NAN, 0, 0, 2), qd8.maximum(a, b))
        self.assert_bits(f32(NAN, NAN, -0.0, -0.0, -1), qd8.minimum(a, b))

    def test_division(self) -> None:
        """A true division, whatever it meets, then the clamp."""
        a, b = f32(1, 1, -1, 0, 1e-30, 7), f32(3, 0, 0, 0, 1e10, 1)
        expected = f32(1 / 3, INF, -INF, NAN, 1e-40, 7)
        self.assert_bits(expected, qd8.div(a, b))
        self.assert_bits(
            f32(1 / 3, 6, 0, NAN, 1e-40, 6), qd8.div(a, b, activation="relu6")
        )

    def test_float16_is_the_float32_answer_rounded_once(self) -> None:
        """R4, for every operator with a twin in float16."""
        x = np.random.default_rng(2).normal(size=(3, 40)).astype(np.float16) * half(3)
        y = (np.abs(x) + half(0.1))[::-1]
        wide, other = x.astype(np.float32), y.astype(np.float32)
        one = "abs neg square floor exp tanh elu gelu hard_swish relu_n1_to_1 logistic"
        for name in one.split():
            operator = getattr(qd8, name)
            with self.subTest(name):
                self.assert_bits(operator(wide).astype(np.float16), operator(x))
        for name in ("sqrt", "rsqrt"):
            operator = getattr(qd8, name)
            self.assert_bits(operator(other).astype(np.float16), operator(y))
        for name in ["div", "maximum", "minimum", "squared_difference", "prelu", "pow"]:
            operator = getattr(qd8, name)
            with self.subTest(name):
                with np.errstate(over="ignore"):  # 65520 and above
                    rounded = operator(other, wide).astype(np.float16)
                self.assert_bits(rounded, operator(y, x))
        for name in ("sum", "mean", "reduce_max"):
            operator = getattr(qd8, name)
            rounded = operator(wide, axes=(1,)).astype(np.float16)
            self.assert_bits(rounded, operator(x, axes=(1,)))
        rounded = qd8.cumsum(wide, axis=1).astype(np.float16)
        self.assert_bits(rounded, qd8.cumsum(x, axis=1))
        rounded = qd8.batch_matmul(wide, other.T).astype(np.float16)
        self.assert_bits(rounded, qd8.batch_matmul(x, y.T))


class IntegerTest(BitsTestCase):
    """R29."""

    def test_arithmetic_wraps(self) -> None:
        """Modulo 2^32 and 2^64."""
        a, b = i32(2**31 - 1, SMALLEST, 65536), i32(1, 1, 65536)
        self.assert_bits(i32(SMALLEST, SMALLEST + 1, 131072), qd8.add(a, b))
        self.assert_bits(i32(2**31 - 2, 2**31 - 1, 0), qd8.sub(a, b))
        self.assert_bits(i32(2**31 - 1, SMALLEST, 0), qd8.mul(a, b))
        long = np.array([2**63 - 1], np.int64)
        self.assert_bits(np.array([-(2**63)], np.int64), qd8.add(long, long // long))
        self.assert_bits(i32(SMALLEST), qd8.sum(i32(2**31 - 1, 1)[None], axes=(1,)))

    def test_division_truncates(self) -> None:
        """Every pair of small integers; smallest / -1 is smallest; n / 0 is 0."""
        a, b = (grid.reshape(-1) for grid in np.mgrid[-7:8, -7:8].astype(np.int32))
        expected = [int(n / d) if d else 0 for n, d in zip(a, b, strict=True)]
        self.assert_bits(i32(*expected), qd8.div(a, b))
        edge = i32(SMALLEST, SMALLEST, SMALLEST), i32(-1, 3, 0)
        self.assert_bits(i32(SMALLEST, -715827882, 0), qd8.div(*edge))

    def test_casts(self) -> None:
        """Saturating, towards zero, NaN to 0; integers keep their low bits."""
        x = f32(NAN, INF, -INF, 2.0**31, -(2.0**31), -1.5, 2.0**31 - 128)
        expected = i32(0, 2**31 - 1, SMALLEST, 2**31 - 1, SMALLEST, -1, 2**31 - 128)
        self.assert_bits(expected, qd8.cast(x, dtype=np.int32))
        x = f32(2.0**63, -(2.0**63), 2.0**62, NAN)
        expected = np.array([2**63 - 1, -(2**63), 2**62, 0], np.int64)
        self.assert_bits(expected, qd8.cast(x, dtype=np.int64))
        self.assert_bits(i32(-1), qd8.cast(np.array([2**32 - 1]), dtype=np.int32))
        self.assert_bits(i32(3), qd8.cast(half(3.9), dtype="int32"))
        truth = np.array([False, True, True])
        self.assert_bits(truth, qd8.cast(f32(-0.0, NAN, 1e-45), dtype=np.bool_))
        self.assert_bits(f32(0, 1, 1), qd8.cast(truth, dtype=np.float32))
        big = i32(2**24 + 1, 2**24 + 3)  # both halfway: to even
        self.assert_bits(f32(2**24, 2**24 + 4), qd8.cast(big, dtype=np.float32))

    def test_an_integer_to_float16(self) -> None:
        """Ties of float16 go to even, 65520 to infinity (R4)."""
        n = np.array([2**14 + 2**3, 65519, 65520, 2049], np.int32)
        self.assert_bits(half(2**14, 65504, INF, 2048), qd8.cast(n, dtype=np.float16))


class TruthTest(BitsTestCase):
    """Comparisons, logic and choice."""

    def test_nan_is_unordered(self) -> None:
        """All comparisons with NaN are false but NOT_EQUAL; zeros are equal."""
        a, b = f32(NAN, 1, NAN, 0, 1), f32(NAN, NAN, 1, -0.0, 2)
        for name, expected in [
            ("less", [0, 0, 0, 0, 1]),
            ("less_equal", [0, 0, 0, 1, 1]),
            ("greater", [0, 0, 0, 0, 0]),
            ("greater_equal", [0, 0, 0, 1, 0]),
            ("equal", [0, 0, 0, 1, 0]),
            ("not_equal", [1, 1, 1, 0, 1]),
        ]:
            with self.subTest(name):
                truth = np.array(expected, np.bool_)
                self.assert_bits(truth, getattr(qd8, name)(a, b))

    def test_large_integers_are_compared_exactly(self) -> None:
        """2^53 and its successor differ."""
        a = np.array([2**53], np.int64)
        self.assertTrue(qd8.less(a, a + 1)[0])
        self.assertFalse(qd8.equal(a, a + 1)[0])

    def test_logic(self) -> None:
        """The four cases."""
        a, b = np.array([[0], [1]], np.bool_), np.array([0, 1], np.bool_)
        self.assertEqual(
            [[False, False], [False, True]], qd8.logical_and(a, b).tolist()
        )
        self.assertEqual([[False, True], [True, True]], qd8.logical_or(a, b).tolist())
        self.assertEqual([True, False], qd8.logical_not(b).tolist())

    def test_select_broadcasts_all_three(self) -> None:
        """The condition too; NaN that is not chosen does not matter."""
        condition = np.array([[True], [False]])
        got = qd8.select(condition, f32(1, 2, 3), f32(NAN))
        self.assert_bits(f32(1, 2, 3, NAN, NAN, NAN).reshape(2, 3), got)


if __name__ == "__main__":
    unittest.main()
