"""R20 to R23 and R27: the order of every sum, element by element."""

import unittest

import numpy as np
import qd8_reference as qd8

import exact
from bits import BitsTestCase, f32


def chain(start: float, pairs) -> float:
    """Return the FMA chain over pairs of factors, in exact arithmetic (R20)."""
    for a, b in pairs:
        start = exact.fma(float(a), float(b), start)
    return start


def normal(seed: int, *shape: int) -> np.ndarray:
    """Draw float32 normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class ChainTest(BitsTestCase):
    """R20."""

    def test_fully_connected(self) -> None:
        """One chain per output from the bias, k ascending."""
        x, weight, bias = normal(1, 2, 9), normal(2, 3, 9), normal(3, 3)
        expected = [
            [chain(float(bias[n]), zip(row, weight[n], strict=True)) for n in range(3)]
            for row in x
        ]
        self.assert_bits(f32(*expected), qd8.fully_connected_float(x, weight, bias))
        backwards = qd8.fully_connected_float(x[:, ::-1], weight[:, ::-1], bias)
        self.assertTrue((backwards != f32(*expected)).any())

    def test_subnormals_are_kept(self) -> None:
        """A float operator does not flush (R2 is for the quantized ones)."""
        tiny = qd8.fully_connected_float(f32(1e-30)[None], f32(1e-10)[None])
        self.assert_bits(np.array([[1e-40]], np.float32), tiny)

    def test_conv2d(self) -> None:
        """k runs over ky, kx, c within the group; taps outside are skipped."""
        x, weight, bias = normal(4, 1, 4, 5, 4), normal(5, 6, 3, 2, 2), normal(6, 6)
        got = qd8.conv2d_float(x, weight, bias, stride=(2, 1), groups=2)
        self.assertEqual((1, 2, 5, 6), got.shape)
        for _, oy, ox, o in np.ndindex(got.shape):
            pairs = [
                (x[0, 2 * oy + ky, ox + kx, o // 3 * 2 + c], weight[o, ky, kx, c])
                for ky, kx, c in np.ndindex(3, 2, 2)
                if 2 * oy + ky < 4 and ox + kx < 5  # SAME: one row, one column behind
            ]
            expected = np.float32(chain(float(bias[o]), pairs))
            self.assert_bits(expected, got[0, oy, ox, o])

    def test_depthwise(self) -> None:
        """Output channel o reads input channel o // multiplier."""
        x, weight = normal(7, 1, 4, 4, 3), normal(8, 1, 2, 2, 6)
        got = qd8.depthwise_conv2d(x, weight, padding="VALID", dilation=(2, 1))
        self.assertEqual((1, 2, 3, 6), got.shape)
        for _, oy, ox, o in np.ndindex(got.shape):
            pairs = [
                (x[0, oy + 2 * ky, ox + kx, o // 2], weight[0, ky, kx, o])
                for ky, kx in np.ndindex(2, 2)
            ]
            self.assert_bits(np.float32(chain(0.0, pairs)), got[0, oy, ox, o])

    def test_float16(self) -> None:
        """R4: float16 in and out is the float32 answer, rounded once."""
        x, weight = normal(9, 1, 4, 4, 3).astype(np.float16), normal(10, 1, 3, 3, 3)
        wide = qd8.depthwise_conv2d(x.astype(np.float32), weight)
        self.assert_bits(wide.astype(np.float16), qd8.depthwise_conv2d(x, weight))


class SumTest(BitsTestCase):
    """R22 and R23."""

    def test_mean_over_the_last_axis_is_16_lanes_and_a_tree(self) -> None:
        """Lanes in plain Python, for lengths around multiples of 16."""
        for n in (1, 7, 15, 16, 17, 33, 100):
            x = normal(n, 3, n) * f32(1e3)
            for row, got in zip(x, qd8.mean(x, axes=(1,)), strict=True):
                self.assert_bits(lanes(row) / np.float32(n), got)

    def test_mean_over_axes_that_hold_the_last(self) -> None:
        """The reduced axes are flattened in row-major order."""
        x = normal(11, 2, 3, 5, 7)
        got = qd8.mean(x, axes=(3, 1), keepdims=True)
        self.assertEqual((2, 1, 5, 1), got.shape)
        for n, h in np.ndindex(2, 5):
            expected = lanes(x[n, :, h, :].reshape(-1)) / np.float32(21)
            self.assert_bits(expected, got[n, 0, h, 0])

    def test_mean_over_other_axes_is_a_chain(self) -> None:
        """One addition after another, in row-major order."""
        x = normal(12, 2, 5, 6, 3)
        got = qd8.mean(x, axes=(1, -2))
        self.assertEqual((2, 3), got.shape)
        for n, c in np.ndindex(2, 3):
            total = np.float32(0)
            for value in x[n, :, :, c].reshape(-1):
                total = total + value
            self.assert_bits(total / np.float32(30), got[n, c])

    def test_orders_differ(self) -> None:
        """The data above tell one order from the other."""
        x = normal(13, 50, 100)
        flat = np.ascontiguousarray(x.T)
        self.assertTrue((qd8.mean(x, axes=(1,)) != qd8.mean(flat, axes=(0,))).any())

    def test_pools_look_at_what_is_inside(self) -> None:
        """Padding neither counts nor wins; NaN wins every window that holds it."""
        x = -np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
        options = {"window": (2, 2), "stride": (2, 2), "padding": "SAME"}
        largest = qd8.max_pool_2d(x, **options)[0, ..., 0]
        self.assert_bits(np.array([[-1, -3], [-7, -9]], np.float32), largest)
        average = qd8.average_pool_2d(x, **options)[0, ..., 0]
        self.assert_bits(np.array([[-3, -4.5], [-7.5, -9]], np.float32), average)
        x[0, 2, 2, 0] = np.nan
        nan = np.isnan(qd8.max_pool_2d(x, **options)[0, ..., 0])
        self.assertEqual([[False, False], [False, True]], nan.tolist())
        clamped = qd8.average_pool_2d(x, **options, activation="relu")[0, ..., 0]
        self.assert_bits(np.array([[0, 0], [0, np.nan]], np.float32), clamped)

    def test_average_adds_in_order(self) -> None:
        """ky then kx, and a true division."""
        x = normal(14, 1, 3, 4, 2)
        got = qd8.average_pool_2d(x, window=(3, 4), stride=(1, 1), padding="VALID")
        total = f32(0, 0)
        for pixel in x.reshape(12, 2):
            total = total + pixel
        self.assert_bits(total / np.float32(12), got[0, 0, 0])


class ElementTest(BitsTestCase):
    """R21, R27 and what only moves elements."""

    def test_arithmetic(self) -> None:
        """Broadcasting, one rounding, then the clamp."""
        a, b = f32(1, -2, 1e30), f32(0.1)
        self.assert_bits(a + b, qd8.add(a, b))
        self.assert_bits(a - b, qd8.sub(a, b))
        self.assert_bits(f32(0.1, 0, 6), qd8.mul(a, b, activation="relu6"))
        with np.errstate(all="raise"):
            self.assert_bits(f32(np.inf), qd8.mul(f32(1e30), f32(1e30)))
            self.assert_bits(f32(1e-40), qd8.mul(f32(1e-20), f32(1e-20)))
            self.assert_bits(f32(np.nan), qd8.sub(f32(np.inf), f32(np.inf)))

    def test_float16_arithmetic(self) -> None:
        """Subnormals are kept; 65520 and above is infinity."""
        a = np.array([6e-8, 65504], np.float16)
        expected = np.array([1.2e-7, np.inf], np.float16)
        with np.errstate(all="raise"):
            self.assert_bits(expected, qd8.add(a, a))

    def test_relu(self) -> None:
        """-0.0 becomes +0.0, NaN stays."""
        x = f32(-1, -0.0, 0.5, 7, np.nan)
        self.assert_bits(f32(0, 0, 0.5, 7, np.nan), qd8.relu(x))
        self.assert_bits(f32(0, 0, 0.5, 6, np.nan), qd8.relu6(x))

    def test_moving(self) -> None:
        """PAD, RESHAPE, CONCATENATION and CAST keep every element."""
        x = np.arange(6, dtype=np.float32).reshape(2, 3)
        padded = qd8.pad(x, paddings=((1, 0), (0, 2)), value=-1.0)
        self.assertEqual((3, 5), padded.shape)
        self.assert_bits(x, padded[1:, :3])
        self.assertEqual(9 * -1.0, padded.sum() - x.sum())
        self.assert_bits(x.reshape(3, 2), qd8.reshape(x, shape=(-1, 2)))
        joined = qd8.concatenation([x, x[:, :1]], axis=-1)
        self.assert_bits(np.hstack([x, x[:, :1]]), joined)
        clamped = qd8.concatenation([x - 3, x], axis=0, activation="relu")
        self.assert_bits(np.vstack([np.maximum(x - 3, 0), x]), clamped)
        self.assert_bits(x.astype(np.float16), qd8.cast(x))
        self.assert_bits(x, qd8.cast(x.astype(np.float16)))

    def test_dequantize(self) -> None:
        """int8 per channel or tensor in one rounding, float16 exactly."""
        q = np.array([[-128, 0, 127], [1, 2, 3]], np.int8)
        got = qd8.dequantize(q, scale=f32(0.1, 2), axis=0)
        expected = q.astype(np.float32) * f32(0.1, 2)[:, None]
        self.assert_bits(expected, got)
        got = qd8.dequantize(q, scale=np.float32(0.1), zero_point=-128)
        expected = (q.astype(np.int32) + 128).astype(np.float32) * np.float32(0.1)
        self.assert_bits(expected, got)
        half = np.array([6e-8, 1.5], np.float16)
        self.assert_bits(half.astype(np.float32), qd8.dequantize(half))


def lanes(row: np.ndarray) -> np.float32:
    """R22 in plain Python."""
    lane = [np.float32(0)] * 16
    for i, value in enumerate(row):
        lane[i % 16] = lane[i % 16] + value
    for half in (8, 4, 2, 1):
        lane = [lane[j] + lane[j + half] for j in range(half)]
    return lane[0]


if __name__ == "__main__":
    unittest.main()
