"""R11 and R13 to R17: fully connected and convolution on quantized activations."""

import unittest

import numpy as np
from qd8_reference import (
    conv2d,
    conv2d_steps,
    fully_connected,
    fully_connected_steps,
    quantize_images,
    quantize_rows,
)

import exact
from bits import BitsTestCase, f32


def problem(rng: np.random.Generator, rows: int, outputs: int, inputs: int):
    """Draw activations, weights in all of int8, scales and a bias."""
    x = rng.normal(size=(rows, inputs)).astype(np.float32)
    weight = rng.integers(-128, 128, (outputs, inputs)).astype(np.int8)
    scale = rng.uniform(1e-3, 1e-2, outputs).astype(np.float32)
    return x, weight, scale, rng.normal(size=outputs).astype(np.float32)


class FullyConnectedTest(BitsTestCase):
    """R13, R14, R15."""

    def test_equals_exact_arithmetic(self) -> None:
        """Every step equals the same thing in integers and fractions."""
        rng = np.random.default_rng(7)
        for _ in range(40):
            x, weight, scale, bias = problem(rng, 3, 4, int(rng.integers(1, 9)))
            got = fully_connected_steps(x, weight, scale, bias)
            for m, row in enumerate(x):
                values, zero, s = exact.quantize([float(v) for v in row])
                self.assertEqual(values, got.values[m].tolist())
                for n in range(4):
                    steps = zip(values, weight[n].tolist(), strict=True)
                    acc = exact.wrap(sum((q - zero) * w for q, w in steps))
                    y = exact.epilogue(acc, s, float(scale[n]), float(bias[n]))
                    self.assertEqual(acc, got.accumulator[m, n])
                    self.assert_bits(np.float32(y), got.output[m, n])

    def test_accumulator_wraps(self) -> None:
        """R13: beyond 2^31 the sum is taken modulo 2^32."""
        count = 70_000
        weight = np.full((1, count), -128, np.int8)
        got = fully_connected_steps(np.ones(count, np.float32), weight, f32(1))
        self.assertEqual(exact.wrap(count * 255 * -128), got.accumulator[0])
        self.assertGreater(got.accumulator[0], 0)

    def test_scale_shapes(self) -> None:
        """A scale for the whole tensor is that scale for each channel."""
        x, weight, _, bias = problem(np.random.default_rng(8), 2, 3, 5)
        expected = fully_connected(x, weight, f32(0.1, 0.1, 0.1), bias)
        self.assert_bits(expected, fully_connected(x, weight, f32(0.1), bias))
        self.assert_bits(expected, fully_connected(x, weight, np.float32(0.1), bias))

    def test_bias(self) -> None:
        """No bias is +0.0; a subnormal bias is zero of its sign; so is a result."""
        zeros = np.zeros((1, 2), np.float32)
        weight = np.ones((2, 2), np.int8)
        self.assert_bits(f32(0, 0)[None], fully_connected(zeros, weight, f32(1)))
        got = fully_connected(zeros, -weight, f32(1), f32(-1e-39, -0.0))
        # acc is 0, so t is +0.0, and +0.0 + -0.0 is +0.0.
        self.assert_bits(f32(0, 0)[None], got)

    def test_activations(self) -> None:
        """The clamps of R14, on an output known to lie outside them."""
        x, weight = f32(1)[None], np.array([[127], [-127]], np.int8)
        for activation, expected in (
            ("none", (127, -127)),
            ("relu", (127, 0)),
            ("relu6", (6, 0)),
            ("relu_n1_to_1", (1, -1)),
        ):
            got = fully_connected(x, weight, f32(1), activation=activation)
            self.assert_bits(f32(*expected), np.rint(got[0]))

    def test_rows_without_a_finite_range_are_nan(self) -> None:
        """R10: through every activation, and only those rows."""
        x, weight, scale, bias = problem(np.random.default_rng(9), 4, 3, 5)
        good = fully_connected(x, weight, scale, bias, activation="relu6")
        x[1, 0], x[2, 4] = np.nan, np.inf
        got = fully_connected(x, weight, scale, bias, activation="relu6")
        self.assertTrue(np.isnan(got[1:3]).all())
        self.assert_bits(good[[0, 3]], got[[0, 3]])

    def test_rank_and_empty_batch(self) -> None:
        """Leading axes are rows, even none of them."""
        x, weight, scale, bias = problem(np.random.default_rng(10), 6, 3, 5)
        flat = fully_connected(x, weight, scale, bias)
        shaped = fully_connected_steps(x.reshape(2, 3, 5), weight, scale, bias)
        self.assert_bits(flat.reshape(2, 3, 3), shaped.output)
        self.assertEqual((2, 3), shaped.scale.shape)
        self.assert_bits(flat[0], fully_connected(x[0], weight, scale, bias))
        self.assertEqual((0, 3), fully_connected(x[:0], weight, scale, bias).shape)

    def test_float16(self) -> None:
        """R15: the float32 answer to the widened rows, rounded once."""
        x, weight, scale, bias = problem(np.random.default_rng(11), 6, 3, 5)
        half = x.astype(np.float16)
        wide = fully_connected(half.astype(np.float32), weight, scale, bias)
        expected = wide.astype(np.float16)
        self.assert_bits(expected, fully_connected(half, weight, scale, bias))


class Conv2DTest(BitsTestCase):
    """R11, R13, R16, R17."""

    def test_equals_loops(self) -> None:
        """The accumulator is the sum over the taps that lie inside the image."""
        rng = np.random.default_rng(12)
        for padding in ("SAME", "VALID", ((0, 2), (1, 3))):
            for stride, dilation, groups in (
                ((1, 1), (1, 1), 1),
                ((2, 3), (1, 1), 2),
                ((1, 2), (2, 1), 3),
            ):
                x = rng.normal(size=(2, 5, 6, 6)).astype(np.float32)
                shape = (6, 2, 3, 6 // groups)
                weight = rng.integers(-128, 128, shape).astype(np.int8)
                options = {"stride": stride, "dilation": dilation, "groups": groups}
                got = conv2d_steps(x, weight, f32(0.01), padding=padding, **options)
                expected = loops(got, weight, padding, stride, dilation, groups)
                self.assert_bits(expected, got.accumulator)
                self.assert_bits(quantize_images(x).values, got.values)

    def test_epilogue_is_that_of_fully_connected(self) -> None:
        """An image that is one patch is one row."""
        x, weight, scale, bias = problem(np.random.default_rng(13), 2, 4, 18)
        row = fully_connected(x, weight, scale, bias, activation="relu6")
        image, kernel = x.reshape(2, 3, 3, 2), weight.reshape(4, 3, 3, 2)
        options = {"padding": "VALID", "activation": "relu6"}
        got = conv2d(image, kernel, scale, bias, **options)
        self.assert_bits(row.reshape(2, 1, 1, 4), got)

    def test_what_quantizes_per_pixel(self) -> None:
        """R11: 1x1, stride 1, unpadded, one group, not 1 to 1; dilation is ignored."""
        rng = np.random.default_rng(14)

        def parameters(inputs=2, outputs=3, kernel=(1, 1), **options):
            x = rng.normal(size=(2, 4, 5, inputs)).astype(np.float32)
            groups = options.get("groups", 1)
            weight = np.ones((outputs, *kernel, inputs // groups), np.int8)
            return conv2d_steps(x, weight, f32(1), **options).scale.shape

        pixels, images = (2, 4, 5), (2,)
        self.assertEqual(pixels, parameters())
        self.assertEqual(pixels, parameters(padding="VALID"))
        self.assertEqual(pixels, parameters(padding=((0, 0), (0, 0))))
        self.assertEqual(pixels, parameters(dilation=(2, 3)))
        self.assertEqual(pixels, parameters(inputs=1))
        self.assertEqual(pixels, parameters(outputs=1))
        self.assertEqual(images, parameters(inputs=1, outputs=1))
        self.assertEqual(images, parameters(stride=(1, 2)))
        self.assertEqual(images, parameters(kernel=(1, 2)))
        self.assertEqual(images, parameters(outputs=4, groups=2))
        self.assertEqual(images, parameters(padding=((0, 0), (0, 1))))

    def test_per_pixel_is_a_fully_connected(self) -> None:
        """A 1x1 convolution over pixels has the bits of the same rows."""
        x, weight, scale, bias = problem(np.random.default_rng(15), 24, 3, 5)
        got = conv2d_steps(
            x.reshape(2, 3, 4, 5), weight.reshape(3, 1, 1, 5), scale, bias
        )
        self.assert_bits(
            fully_connected(x, weight, scale, bias).reshape(2, 3, 4, 3), got.output
        )
        self.assert_bits(quantize_rows(x).values.reshape(2, 3, 4, 5), got.values)

    def test_image_without_a_finite_range_is_nan(self) -> None:
        """R10: all of that image, padded taps or not, and no other."""
        x = np.random.default_rng(16).normal(size=(3, 4, 4, 2)).astype(np.float32)
        weight = np.ones((2, 3, 3, 2), np.int8)
        good = conv2d(x, weight, f32(1))
        x[1, 0, 0, 0] = np.inf
        got = conv2d(x, weight, f32(1), activation="none")
        self.assertTrue(np.isnan(got[1]).all())
        self.assert_bits(good[[0, 2]], got[[0, 2]])

    def test_xnnpacks_float16_multiplier(self) -> None:
        """R16 changes values only, ruins small ranges, and per pixel does nothing."""
        rng = np.random.default_rng(17)
        x = rng.normal(size=(2, 16, 16, 3)).astype(np.float16)
        weight = rng.integers(-128, 128, (2, 3, 3, 3)).astype(np.int8)
        exactly = conv2d_steps(x, weight, f32(0.01))
        xnnpack = conv2d_steps(x, weight, f32(0.01), f16_scale="xnnpack")
        self.assert_bits(exactly.scale, xnnpack.scale)
        self.assert_bits(exactly.zero_point, xnnpack.zero_point)
        self.assertTrue((exactly.values != xnnpack.values).any())
        small = np.full_like(x, 0.001)
        small[0, 0] = -0.002
        ruined = conv2d_steps(small, weight, f32(1), f16_scale="xnnpack").values
        self.assertEqual({-128, 127}, set(ruined[0].ravel().tolist()))
        pixels = np.ones((3, 1, 1, 3), np.int8)
        self.assert_bits(
            conv2d(small, pixels, f32(1)),
            conv2d(small, pixels, f32(1), f16_scale="xnnpack"),
        )


def loops(steps, weight, padding, stride, dilation, groups):
    """Return the accumulators of a convolution per image, one tap after another."""
    h, w = steps.values.shape[1:3]
    o, kh, kw, per_group = weight.shape
    before = []
    for axis, (size, k) in enumerate(((h, kh), (w, kw))):
        reach = (k - 1) * dilation[axis] + 1
        if padding == "SAME":
            out = -(-size // stride[axis])
            before.append(max((out - 1) * stride[axis] + reach - size, 0) // 2)
        else:
            before.append(0 if padding == "VALID" else padding[axis][0])
    result = np.zeros(steps.accumulator.shape, np.int32)
    for at in np.ndindex(result.shape):
        image, oy, ox, channel = at
        total = 0
        for ky, kx, k in np.ndindex(kh, kw, per_group):
            y = oy * stride[0] + ky * dilation[0] - before[0]
            x = ox * stride[1] + kx * dilation[1] - before[1]
            if 0 <= y < h and 0 <= x < w:
                source = channel // (o // groups) * per_group + k
                q = int(steps.values[image, y, x, source])
                q -= int(steps.zero_point[image])
                total += q * int(weight[channel, ky, kx, k])
        result[at] = exact.wrap(total)
    return result


if __name__ == "__main__":
    unittest.main()
