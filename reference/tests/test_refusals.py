"""An oracle refuses what is not promised, and says what it needs."""

import unittest

import numpy as np
import qd8_reference as qd8

X = np.ones((2, 4), np.float32)
IMAGE = np.ones((1, 4, 4, 2), np.float32)
WEIGHT = np.ones((3, 4), np.int8)
KERNEL = np.ones((3, 3, 3, 2), np.int8)
ONE = np.ones(1, np.float32)


def fc(x=X, weight=WEIGHT, scale=ONE, bias=None, **options):
    """Call fully_connected with one thing changed."""
    return qd8.fully_connected(x, weight, scale, bias, **options)


def conv(x=IMAGE, weight=KERNEL, scale=ONE, bias=None, **options):
    """Call conv2d with one thing changed."""
    return qd8.conv2d(x, weight, scale, bias, **options)


def pool(**options):
    """Call max_pool_2d with one thing changed."""
    defaults = {"window": (2, 2), "stride": (1, 1), "padding": "VALID"}
    return qd8.max_pool_2d(IMAGE, **(defaults | options))


# What is called, the exception, and words of its message.
REFUSALS = [
    (lambda: fc(X.astype(np.float64)), TypeError, "float64.*astype"),
    (lambda: fc(X.astype(np.int8)), TypeError, "x is int8.*float32 or float16"),
    (lambda: fc(X.astype(">f4")), TypeError, "native byte order"),
    (lambda: fc([[1.0] * 4]), TypeError, "x is a list"),
    (lambda: fc(np.float32(1)), ValueError, r"\(\.\.\., K\)"),
    (lambda: fc(X[:, :3]), ValueError, r"\(3, 4\).*K = 3"),
    (lambda: fc(X[:, :0]), ValueError, "K of at least 1"),
    (lambda: fc(weight=WEIGHT.astype(np.uint8)), TypeError, "weight is uint8.*int8"),
    (lambda: fc(weight=WEIGHT[0]), ValueError, "2 dimensions"),
    (lambda: fc(weight=WEIGHT[:0]), ValueError, "at least 1"),
    (lambda: fc(scale=np.ones(2, np.float32)), ValueError, r"\(2,\).*\(3,\)"),
    (lambda: fc(scale=np.ones((3, 1), np.float32)), ValueError, r"\(3,\)"),
    (lambda: fc(scale=1.0), TypeError, "weight_scale is a float"),
    (lambda: fc(scale=np.ones(1)), TypeError, "weight_scale is float64"),
    (lambda: fc(scale=-ONE), ValueError, "-1.0.*positive"),
    (lambda: fc(scale=0 * ONE), ValueError, "positive"),
    (lambda: fc(scale=ONE * np.float32(1e-39)), ValueError, "normal"),
    (lambda: fc(scale=ONE * np.float32(np.nan)), ValueError, "finite"),
    (lambda: fc(scale=ONE * np.float32(np.inf)), ValueError, "finite"),
    (lambda: fc(bias=np.ones(2, np.float32)), ValueError, r"bias has shape \(2,\)"),
    (lambda: fc(bias=np.ones(3)), TypeError, "bias is float64"),
    (lambda: fc(bias=np.full(3, np.nan, np.float32)), ValueError, "bias.*finite"),
    (lambda: fc(activation="gelu"), ValueError, "gelu.*relu6"),
    (lambda: conv(IMAGE[0]), ValueError, r"\(N, H, W, C\)"),
    (lambda: conv(IMAGE[:, :0]), ValueError, "H, W and C"),
    (lambda: conv(IMAGE[..., :1]), ValueError, "2 channels; it has 1"),
    (lambda: conv(groups=2), ValueError, "4 channels"),
    (lambda: conv(np.repeat(IMAGE, 2, 3), groups=2), ValueError, "do not divide"),
    (lambda: conv(groups=0), ValueError, "groups is 0"),
    (lambda: conv(stride=(0, 1)), ValueError, r"stride is \(0, 1\)"),
    (lambda: conv(stride=2), ValueError, "two integers"),
    (lambda: conv(dilation=(1, True)), ValueError, "dilation"),
    (lambda: conv(padding="same"), ValueError, "'SAME', 'VALID'"),
    (lambda: conv(padding=((0, -1), (0, 0))), ValueError, "at least 0"),
    (lambda: conv(padding="VALID", dilation=(2, 1)), ValueError, "smaller than"),
    (lambda: conv(f16_scale="xnnpack"), ValueError, "float16.*float32"),
    (lambda: conv(f16_scale="arm"), ValueError, "'exact' or 'xnnpack'"),
    (lambda: qd8.quantize_images(X), ValueError, r"\(N, H, W, C\)"),
    (lambda: qd8.quantize_weights(X.astype(np.float16)), TypeError, "float32"),
    (lambda: qd8.quantize_weights(X * np.float32(np.inf)), ValueError, "finite"),
    (lambda: qd8.quantize_weights(X, axis=2), ValueError, "axis is 2"),
    (lambda: qd8.quantize_weights(X, per="row"), ValueError, "'channel' or 'tensor'"),
    (lambda: qd8.fully_connected_float(X, WEIGHT), TypeError, "weight is int8"),
    (lambda: qd8.conv2d_float(IMAGE, X), ValueError, "4 dimensions"),
    (lambda: qd8.depthwise_conv2d(IMAGE, IMAGE[..., :1]), ValueError, "C = 2"),
    (lambda: qd8.add(X, X.astype(np.float16)), TypeError, "one dtype"),
    (lambda: qd8.add(X, X[:, :3]), ValueError, "do not broadcast"),
    (lambda: pool(window=(5, 5)), ValueError, "smaller than"),
    (lambda: pool(padding=((2, 0), (0, 0))), ValueError, "less than the window"),
    (lambda: qd8.mean(X, axes=()), ValueError, "at least one"),
    (lambda: qd8.mean(X, axes=(0, -2)), ValueError, "twice"),
    (lambda: qd8.mean(X[:0], axes=(0,)), ValueError, "nothing to reduce"),
    (lambda: qd8.pad(X, paddings=((0, 0),)), ValueError, "2 pairs"),
    (lambda: qd8.pad(X, paddings=((0, -1), (0, 0))), ValueError, "at least 0"),
    (lambda: qd8.reshape(X, shape=(3, -1)), ValueError, "8 elements"),
    (lambda: qd8.reshape(X, shape=(-1, -1)), ValueError, "one may be -1"),
    (lambda: qd8.concatenation([], axis=0), ValueError, "at least one"),
    (lambda: qd8.concatenation([X, X[:, :1]], axis=0), ValueError, "differ along"),
    (lambda: qd8.softmax(X, beta=np.inf), ValueError, "finite"),
    (lambda: qd8.dequantize(WEIGHT), TypeError, "scale is a NoneType"),
    (lambda: qd8.dequantize(WEIGHT, scale=-ONE), ValueError, "positive"),
    (lambda: qd8.dequantize(WEIGHT, scale=ONE, zero_point=128), TypeError, "int"),
]


class RefusalTest(unittest.TestCase):
    """Every entry of the table, and the table itself."""

    def test_refusals(self) -> None:
        """The exception is of the type promised and names what is wrong."""
        for number, (call, exception, words) in enumerate(REFUSALS):
            with self.subTest(number, words=words):
                self.assertRaisesRegex(exception, words, call)

    def test_what_they_vary_is_accepted(self) -> None:
        """Without the change nothing is refused, so each refusal has one reason."""
        for call in (fc, conv, pool):
            call()

    def test_layout_in_memory_does_not_matter(self) -> None:
        """Fortran-ordered, strided and read-only arrays give the same bits."""
        x = np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
        expected = fc(np.ascontiguousarray(x[:, ::2]))
        frozen = np.asfortranarray(x)[:, ::2]
        frozen.flags.writeable = False
        self.assertEqual(expected.tobytes(), fc(frozen).tobytes())


if __name__ == "__main__":
    unittest.main()
