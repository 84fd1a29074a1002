"""R38 to R40: resizing, batch matmul and transposed convolution."""

import unittest

import numpy as np
import qd8_reference as qd8

import exact
from bits import BitsTestCase, f32
from test_float_operators import chain, normal

SCALE = f32(0.01, 0.3, 0.002)


class ResizeTest(BitsTestCase):
    """R38."""

    def test_bilinear_by_the_rule(self) -> None:
        """Every pixel, one rounded operation after another, in plain Python."""
        x = normal(1, 1, 4, 3, 2)
        for align, half in [(False, False), (True, False), (False, True)]:
            got = qd8.resize_bilinear(
                x, size=(7, 5), align_corners=align, half_pixel_centers=half
            )
            for i, j, c in np.ndindex(7, 5, 2):
                top, bottom, down = neighbours(i, 4, 7, align, half)
                left, right, across = neighbours(j, 3, 5, align, half)
                image = x[0, :, :, c]
                upper = lerp(image[top, left], image[top, right], across)
                lower = lerp(image[bottom, left], image[bottom, right], across)
                self.assert_bits(lerp(upper, lower, down), got[0, i, j, c])

    def test_columns_before_rows(self) -> None:
        """The order shows: a transposed image gives other bits."""
        x = normal(2, 1, 5, 5, 4)
        across = qd8.resize_bilinear(x, size=(9, 9))
        down = qd8.resize_bilinear(x.swapaxes(1, 2), size=(9, 9)).swapaxes(1, 2)
        self.assertTrue((across != down).any())

    def test_conventions_by_hand(self) -> None:
        """A row of 0, 1, 2, 3 is resized to eight and to two."""
        x = f32(0, 1, 2, 3).reshape(1, 1, 4, 1)

        def row(operator, width, **conventions):
            return operator(x, size=(1, width), **conventions)[0, 0, :, 0]

        linear, nearest = qd8.resize_bilinear, qd8.resize_nearest_neighbor
        self.assert_bits(f32(0, 0.5, 1, 1.5, 2, 2.5, 3, 3), row(linear, 8))
        half = {"half_pixel_centers": True}
        expected = f32(0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3)
        self.assert_bits(expected, row(linear, 8, **half))
        corners = {"align_corners": True}
        self.assert_bits(f32(0, 3), row(linear, 2, **corners))
        self.assert_bits(f32(0), row(linear, 1, **corners))
        self.assert_bits(f32(0, 0, 1, 1, 2, 2, 3, 3), row(nearest, 8))
        self.assert_bits(f32(0, 2), row(nearest, 2))
        self.assert_bits(f32(1, 3), row(nearest, 2, **half))
        # 0, 0.5 and 1, then 0, 1.5 and 3: halves are rounded up.
        self.assert_bits(
            f32(0, 1, 1), nearest(x[:, :, :2], size=(1, 3), **corners)[0, 0, :, 0]
        )
        self.assert_bits(f32(0, 2, 3), row(nearest, 3, **corners))

    def test_nan_and_float16(self) -> None:
        """NaN spoils what it is a neighbour of; float16 is rounded once."""
        x = normal(3, 1, 3, 3, 1)
        x[0, 1, 1] = np.nan
        got = qd8.resize_bilinear(x, size=(6, 6))
        self.assertEqual(16, np.isnan(got).sum())
        small = normal(4, 1, 3, 3, 2).astype(np.float16)
        wide = qd8.resize_bilinear(small.astype(np.float32), size=(4, 5))
        got = qd8.resize_bilinear(small, size=(4, 5))
        self.assert_bits(wide.astype(np.float16), got)


class BatchMatmulTest(BitsTestCase):
    """R39."""

    def test_one_chain_for_each_output(self) -> None:
        """From +0.0, k ascending, whatever is transposed or broadcast."""
        a, b = normal(5, 2, 1, 3, 7), normal(6, 4, 7, 2)
        got = qd8.batch_matmul(a, b)
        self.assertEqual((2, 4, 3, 2), got.shape)
        for n, i, j, k in np.ndindex(got.shape):
            pairs = zip(a[n, 0, j], b[i, :, k], strict=True)
            self.assert_bits(np.float32(chain(0.0, pairs)), got[n, i, j, k])
        across = qd8.batch_matmul(
            a.swapaxes(-1, -2), b.swapaxes(-1, -2), adj_x=True, adj_y=True
        )
        self.assert_bits(got, across)

    def test_quantized_is_a_fully_connected_of_each_matrix(self) -> None:
        """Rows of op(a), the columns of op(b) as channels, bias +0.0."""
        a, b = normal(7, 2, 5, 6), ints(8, 2, 6, 3)
        got = qd8.batch_matmul_quantized_steps(a, b, SCALE)
        for n in (0, 1):
            expected = qd8.fully_connected_steps(a[n], b[n].T.copy(), SCALE)
            for field in expected._fields:
                part = getattr(got, field)[n]
                self.assert_bits(getattr(expected, field), part)
        flipped = qd8.batch_matmul_quantized(
            a.swapaxes(1, 2), b.swapaxes(1, 2), SCALE, adj_x=True, adj_y=True
        )
        self.assert_bits(got.output, flipped)

    def test_quantized_rows_stand_alone(self) -> None:
        """R10: a row with infinity is NaN and its neighbours are not."""
        a, b = normal(9, 3, 6), ints(10, 6, 3)
        expected = qd8.batch_matmul_quantized(a, b, SCALE)
        a[1, 2] = np.inf
        got = qd8.batch_matmul_quantized(a, b, SCALE)
        self.assertTrue(np.isnan(got[1]).all())
        self.assert_bits(expected[[0, 2]], got[[0, 2]])


class TransposedConvolutionTest(BitsTestCase):
    """R40."""

    def test_one_chain_over_the_taps_that_reach_an_output(self) -> None:
        """From the bias, ky, kx and c ascending; stride (2, 1), SAME."""
        x, weight, bias = normal(11, 1, 3, 4, 2), normal(12, 3, 3, 2, 2), normal(13, 3)
        shape = (1, 5, 4, 3)  # SAME: one row before, one behind; one column behind
        got = qd8.transpose_conv2d(
            x, weight, bias, output_shape=shape, stride=(2, 1), padding="SAME"
        )
        for _, oy, ox, o in np.ndindex(shape):
            pairs = []
            for ky, kx in np.ndindex(3, 2):
                iy, rest = divmod(oy + 1 - ky, 2)
                ix = ox - kx
                if rest == 0 and 0 <= iy < 3 and 0 <= ix < 4:
                    pairs += zip(x[0, iy, ix], weight[o, ky, kx], strict=True)
            expected = np.float32(chain(float(bias[o]), pairs))
            self.assert_bits(expected, got[0, oy, ox, o])

    def test_it_is_the_transposition_of_the_convolution(self) -> None:
        """<conv x, y> = <x, transposed y>, exactly, in small integers."""
        generator = np.random.default_rng(14)
        for padding, size in [("SAME", (4, 3)), ("VALID", (3, 2))]:
            weight = generator.integers(-3, 4, (5, 3, 3, 2)).astype(np.float32)
            x = generator.integers(-3, 4, (1, 7, 5, 2)).astype(np.float32)
            y = generator.integers(-3, 4, (1, *size, 5)).astype(np.float32)
            there = qd8.conv2d_float(x, weight, stride=(2, 2), padding=padding)
            back = qd8.transpose_conv2d(
                y,
                weight.transpose(3, 1, 2, 0),
                output_shape=x.shape,
                stride=(2, 2),
                padding=padding,
            )
            self.assertEqual((there * y).sum(), (x * back).sum())

    def test_quantized_per_image(self) -> None:
        """The accumulator is exact; the epilogue is R14; a 1x1 kernel is per image."""
        x, weight, bias = normal(15, 2, 2, 3, 4), ints(16, 3, 1, 1, 4), normal(17, 3)
        got = qd8.transpose_conv2d_quantized_steps(
            x,
            weight,
            SCALE,
            bias,
            output_shape=(2, 3, 5, 3),
            stride=(2, 2),
            padding="SAME",
        )
        images = qd8.quantize_images(x)
        for field in images._fields:
            self.assert_bits(getattr(images, field), getattr(got, field))
        self.assertTrue((got.accumulator[:, 1::2] == 0).all())
        for n, i, j, o in np.ndindex(2, 2, 3, 3):
            steps = images.values[n, i, j].astype(int) - images.zero_point[n]
            acc = int(steps @ weight[o, 0, 0].astype(int))
            self.assertEqual(acc, got.accumulator[n, 2 * i, 2 * j, o])
            scale, factor, start = map(float, (images.scale[n], SCALE[o], bias[o]))
            expected = exact.epilogue(acc, scale, factor, start)
            self.assertEqual(expected, got.output[n, 2 * i, 2 * j, o])

    def test_quantized_taps_are_those_of_the_float_one(self) -> None:
        """Accumulators equal the float operator on the centered integers."""
        x, weight = normal(18, 1, 3, 3, 2), ints(19, 3, 4, 3, 2)
        options = {"output_shape": (1, 6, 5, 3), "stride": (2, 2), "padding": "SAME"}
        got = qd8.transpose_conv2d_quantized_steps(x, weight, SCALE, **options)
        centered = got.values.astype(np.float32) - got.zero_point.astype(np.float32)
        real = weight.astype(np.float32)
        expected = qd8.transpose_conv2d(centered, real, **options)
        self.assert_bits(expected.astype(np.int32), got.accumulator)

    def test_an_image_without_a_range_is_nan(self) -> None:
        """R10, through an activation, where no tap reaches too."""
        x, weight = normal(20, 2, 2, 2, 1), ints(21, 3, 1, 1, 1)
        x[1, 0, 0, 0] = np.nan
        options = {"output_shape": (2, 4, 4, 3), "stride": (2, 2), "padding": "SAME"}
        got = qd8.transpose_conv2d_quantized(
            x, weight, SCALE, activation="relu6", **options
        )
        self.assertTrue(np.isnan(got[1]).all())
        self.assertFalse(np.isnan(got[0]).any())


def ints(seed: int, *shape: int) -> np.ndarray:
    """Draw int8 weights, -128 included."""
    return np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)


def neighbours(place: int, n: int, m: int, align: bool, half: bool):
    """Return both inputs and the weight of the second, each step rounded (R38)."""
    scale = (
        np.float32(n - 1) / np.float32(m - 1)
        if align
        else np.float32(n) / np.float32(m)
    )
    at = np.float32(place) * scale
    if half:
        at = at + (np.float32(0.5) * scale - np.float32(0.5))
    at = min(max(at, np.float32(0)), np.float32(n - 1))
    first = int(at)
    return first, min(first + 1, n - 1), at - np.float32(first)


def lerp(a: np.float32, b: np.float32, weight: np.float32) -> np.float32:
    """Return a + (b - a) * weight in three roundings."""
    return a + (b - a) * weight


if __name__ == "__main__":
    unittest.main()
