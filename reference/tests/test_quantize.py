"""R4 to R12: what a row, an image and a weight become."""

import unittest

import numpy as np
from qd8_reference import quantize_images, quantize_rows, quantize_weights

import exact
from bits import BitsTestCase, f32

FLT_MAX = np.finfo(np.float32).max


class RowsTest(BitsTestCase):
    """Dynamic quantization of rows."""

    def test_parameters_of_known_rows(self) -> None:
        """Zero points and scales of xnnpack-qd8 §1.6, computed by XNNPACK's header."""
        for row, zero_point, scale in (
            ((0, 0), 127, 1),
            ((-0.0, 0), 127, 1),
            ((1, 1), -128, 0.00392156886),
            ((-1, -1), 127, 0.00392156886),
            ((-1, 1), 0, 0.00784313772),
            ((-3, 5), -32, 0.0313725509),
            ((-5, 3), 31, 0.0313725509),
            ((0.5, 2), -128, 0.00784313772),
            ((0, 1e-37), -128, 0),  # multiplier is infinite
            ((-1e-37, 0), -128, 0),
            ((0, 2e-36), -128, 0),  # scale is subnormal
            ((1e-39, -1e-39), 127, 1),  # flushed: a row of zeros
        ):
            with self.subTest(row=row):
                got = quantize_rows(f32(*row))
                self.assertEqual(zero_point, got.zero_point)
                self.assert_bits(np.float32(scale), got.scale)

    def test_equals_exact_arithmetic(self) -> None:
        """Values, zero points and scales equal those in Fractions, ties included."""
        rng = np.random.default_rng(3)
        for _ in range(200):
            low = int(rng.integers(-254, 0)) + 0.5 * float(rng.integers(0, 2))
            row = low + rng.integers(0, 511, 12) / 2.0  # half steps
            row[:2] = low, low + 255
            row = f32(*row) * f32(2.0 ** rng.integers(-10, 10))
            if rng.random() < 0.5:
                row = (row * rng.random(12)).astype(np.float32)
            values, zero_point, scale = exact.quantize([float(x) for x in row])
            got = quantize_rows(row)
            self.assert_bits(np.array(values, np.int8), got.values)
            self.assertEqual(zero_point, got.zero_point)
            self.assert_bits(np.float32(scale), got.scale)

    def test_infinite_multiplier(self) -> None:
        """R9: zeros (0 * inf) and positive elements give 127, negative ones -128."""
        got = quantize_rows(f32(-2e-37, -0.0, 0.0, 3e-37))
        self.assert_bits(np.array([-128, 127, 127, 127], np.int8), got.values)

    def test_rows_without_a_finite_range(self) -> None:
        """R10: zeros with scale NaN, and the neighbours do not notice."""
        x = np.tile(f32(-3, 0, 5), (5, 1))
        x[1, 1], x[2, 2], x[3] = np.nan, -np.inf, (-FLT_MAX, 0, FLT_MAX)
        values, zero_point, scale = quantize_rows(x)
        good = quantize_rows(x[0])
        for row in (0, 4):
            self.assert_bits(good.values, values[row])
            self.assert_bits(good.scale, scale[row])
        self.assert_bits(np.zeros((3, 3), np.int8), values[1:4])
        self.assert_bits(np.array([-32, 0, 0, 0, -32], np.int32), zero_point)
        self.assert_bits(f32(np.nan, np.nan, np.nan), scale[1:4])
        self.assertTrue(np.isnan(quantize_rows(x).dequantize()[1:4]).all())

    def test_widest_finite_range(self) -> None:
        """A range of exactly FLT_MAX is still quantized."""
        got = quantize_rows(f32(-FLT_MAX / 2, FLT_MAX / 2))
        self.assert_bits(np.array([-128, 127], np.int8), got.values)
        self.assertTrue(np.isfinite(got.scale))

    def test_float16_is_widened(self) -> None:
        """R4: float16 rows, subnormals too, quantize as their float32 values do."""
        x = np.array([[1e-7, -3e-6, 6e-8], [65504, -65504, 1]], np.float16)
        half, single = quantize_rows(x), quantize_rows(x.astype(np.float32))
        for field in half._fields:
            self.assert_bits(getattr(single, field), getattr(half, field))
        self.assertEqual(np.int32(127), quantize_rows(x[0] * 0).zero_point)

    def test_shapes_and_dequantize(self) -> None:
        """The last axis is the row; dequantize inverts within half a step."""
        x = np.random.default_rng(4).normal(size=(2, 3, 5)).astype(np.float32)
        got = quantize_rows(x)
        self.assertEqual([(2, 3, 5), (2, 3), (2, 3)], [a.shape for a in got])
        error = np.abs(got.dequantize() - x)
        self.assertTrue((error <= 0.5001 * got.scale[..., None]).all())

    def test_image_is_one_row(self) -> None:
        """R11: an image quantizes as the row of all its elements."""
        x = np.random.default_rng(5).normal(size=(2, 3, 4, 5)).astype(np.float32)
        images, rows = quantize_images(x), quantize_rows(x.reshape(2, 60))
        self.assert_bits(rows.values.reshape(x.shape), images.values)
        self.assert_bits(rows.zero_point, images.zero_point)
        self.assert_bits(rows.scale, images.scale)
        self.assertEqual(x.shape, images.dequantize().shape)


class WeightsTest(BitsTestCase):
    """R12: the converter's bytes."""

    def test_ties_as_the_converter_rounds_them(self) -> None:
        """Halves of the largest weight, as TensorFlow 2.21 wrote them.

        Multiplying by 127 / max instead of dividing by max / 127 differs in each.
        """
        for largest, byte in (
            ("0x1.86a674p+0", 64),
            ("0x1.2b8f02p+0", 63),
            ("0x1.923f38p-3", 64),
            ("0x1.5509d6p+0", 63),
        ):
            m = float.fromhex(largest)
            got = quantize_weights(f32(m, m / 2, -m / 2, -m)[None])
            expected = np.array([[127, byte, -byte, -127]], np.int8)
            self.assert_bits(expected, got.values)
            self.assertEqual((1,), got.scale.shape)

    def test_halves_round_away_from_zero(self) -> None:
        """Where a step is a power of two every half step is an exact tie."""
        got = quantize_weights(f32(127, 0.5, 1.5, -0.5, -2.5, 0.49999997)[None])
        self.assert_bits(np.array([[127, 1, 2, -1, -3, 0]], np.int8), got.values)
        self.assert_bits(f32(1), got.scale)

    def test_channels_of_zeros_and_tiny_ones(self) -> None:
        """The range is at least 5e-7 to either side, as TensorFlow 2.21 wrote it."""
        weight = np.zeros((4, 3), np.float32)
        weight[1], weight[2], weight[3] = 1e-10, 1e-7, 1
        got = quantize_weights(weight)
        floor = float.fromhex("0x1.0e8c94p-28")
        self.assert_bits(f32(floor, floor, floor, 1 / 127), got.scale)
        self.assert_bits(np.array([0, 0, 25, 127], np.int8), got.values[:, 0])

    def test_axis_and_tensor(self) -> None:
        """Channels lie along ``axis``; per tensor there is one scale."""
        w = np.random.default_rng(6).normal(size=(1, 3, 3, 8)).astype(np.float32)
        got = quantize_weights(w, axis=3)
        self.assert_bits(np.abs(w).max(axis=(0, 1, 2)) / np.float32(127), got.scale)
        self.assert_bits(
            quantize_weights(w[..., 2].reshape(1, 9)).values.reshape(3, 3),
            got.values[0, ..., 2],
        )
        whole = quantize_weights(w, per="tensor")
        self.assert_bits(f32(np.abs(w).max() / np.float32(127)), whole.scale)
        self.assertEqual(w.shape, whole.values.shape)


if __name__ == "__main__":
    unittest.main()
