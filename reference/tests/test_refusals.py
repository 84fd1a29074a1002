"""An oracle refuses what is not promised, and says what it needs."""

import unittest

import numpy as np
import qd8_reference as qd8

X = np.ones((2, 4), np.float32)
IMAGE = np.ones((1, 4, 4, 2), np.float32)
WEIGHT = np.ones((3, 4), np.int8)
KERNEL = np.ones((3, 3, 3, 2), np.int8)
ONE = np.ones(1, np.float32)
I32 = np.ones((2, 4), np.int32)


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


def cut(begin=(0, 0), end=(1, 1), strides=(1, 1), **masks):
    """Call strided_slice with one thing changed."""
    return qd8.strided_slice(X, begin=begin, end=end, strides=strides, **masks)


def blocks(paddings=((0, 0), (0, 0))):
    """Call space_to_batch_nd with one thing changed."""
    return qd8.space_to_batch_nd(IMAGE, block_shape=(2, 2), paddings=paddings)


def transposed(output_shape=(1, 4, 4, 3), padding="SAME"):
    """Call transpose_conv2d_quantized with one thing changed."""
    options = {"output_shape": output_shape, "padding": padding, "stride": (1, 1)}
    return qd8.transpose_conv2d_quantized(IMAGE, KERNEL, ONE, **options)


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
    (lambda: qd8.add(I32, I32, activation="relu"), ValueError, "int32 takes only"),
    (lambda: qd8.add(I32, X), TypeError, "one dtype"),
    (lambda: qd8.exp(I32), TypeError, "x is int32"),
    (lambda: qd8.square(I32), TypeError, "x is int32"),
    (lambda: qd8.maximum(I32 > 0, I32 > 0), TypeError, "a is bool"),
    (lambda: qd8.less(I32 > 0, I32 > 0), TypeError, "a is bool"),
    (lambda: qd8.logical_and(I32, I32), TypeError, "a is int32.*bool"),
    (lambda: qd8.select(I32, X, X), TypeError, "condition is int32"),
    (lambda: qd8.select(X > 0, X, X[:, :3]), ValueError, "do not broadcast"),
    (lambda: qd8.leaky_relu(X, alpha=np.nan), ValueError, "alpha.*finite"),
    (lambda: qd8.prelu(X[:1], X), ValueError, "alpha.*broadcast to x"),
    (lambda: qd8.cast(I32), TypeError, "x is int32"),
    (lambda: qd8.cast(X, dtype="complex64"), TypeError, "dtype is 'complex64'"),
    (lambda: qd8.cast(X.astype(np.int16), dtype="int32"), TypeError, "int16"),
    (lambda: qd8.sum(X, axes=()), ValueError, "at least one"),
    (lambda: qd8.sum(X[:, :0], axes=(1,)), ValueError, "nothing to reduce"),
    (lambda: qd8.reduce_max(X > 0, axes=(1,)), TypeError, "x is bool"),
    (lambda: qd8.arg_max(X, axis=2), ValueError, "axis is 2"),
    (lambda: qd8.arg_max(X, axis=0, dtype=np.float32), TypeError, "int32 or int64"),
    (lambda: qd8.arg_max(X[:0], axis=0), ValueError, "nothing along"),
    (lambda: qd8.transpose(X, perm=(0, 0)), ValueError, "each of 2 axes once"),
    (lambda: qd8.transpose(X, perm=(0, 2)), ValueError, "each of 2 axes once"),
    (lambda: qd8.slice(X, begin=(0, 1), size=(1, 4)), ValueError, "not lie within"),
    (lambda: cut(strides=(1, 0)), ValueError, "cannot be 0"),
    (lambda: cut(begin=(2, 0), shrink_axis_mask=1), ValueError, "there is none"),
    (lambda: cut(ellipsis_mask=3), ValueError, "one bit"),
    (lambda: cut((0,) * 3, (1,) * 3, (1,) * 3), ValueError, "names 3 axes"),
    (lambda: qd8.split(X, num=3, axis=1), ValueError, "num is 3"),
    (lambda: qd8.split_v(X, sizes=(1, 2), axis=1), ValueError, "sum up to the 4"),
    (lambda: qd8.squeeze(X, axes=(0,)), ValueError, "2 elements, not 1"),
    (lambda: qd8.expand_dims(X, axis=3), ValueError, "-3..2"),
    (lambda: qd8.pack([X, X[:1]], axis=0), ValueError, r"arrays\[1\] is \(1, 4\)"),
    (lambda: qd8.pack([X, I32], axis=0), TypeError, r"arrays\[1\] is int32"),
    (lambda: qd8.unpack(X, axis=0, num=3), ValueError, "num is 3"),
    (lambda: qd8.broadcast_to(X, shape=(1, 4)), ValueError, "does not broadcast to"),
    (lambda: qd8.tile(X, multiples=(1,)), ValueError, "2 integers"),
    (lambda: qd8.fill(X, shape=(2,)), ValueError, "one element"),
    (lambda: qd8.range(*(np.float32(v) for v in (0, 1, -1))), ValueError, "elsewhere"),
    (lambda: qd8.range(*(np.int32(v) for v in (0, 1, 0))), ValueError, "no finite"),
    (lambda: blocks(paddings=((0, 1), (0, 0))), ValueError, "does not divide"),
    (lambda: blocks(paddings=((0, 0),)), ValueError, "2 pairs"),
    (lambda: qd8.space_to_depth(IMAGE, block_size=3), ValueError, "blocks of 3"),
    (lambda: qd8.depth_to_space(IMAGE, block_size=2), ValueError, "no blocks of 2"),
    (lambda: qd8.gather(X, X), TypeError, "indices is float32"),
    (lambda: qd8.gather(X, I32, batch_dims=1), ValueError, "batch_dims is 1"),
    (lambda: qd8.gather(X, I32, scale=ONE), TypeError, "int8"),
    (lambda: qd8.one_hot(I32, depth=-1), ValueError, "depth"),
    (lambda: qd8.resize_bilinear(IMAGE, size=(0, 2)), ValueError, "at least 1"),
    (
        lambda: qd8.resize_nearest_neighbor(
            IMAGE, size=(2, 2), align_corners=True, half_pixel_centers=True
        ),
        ValueError,
        "exclude each other",
    ),
    (lambda: qd8.batch_matmul(X, X), ValueError, "K is 4 there and 2 here"),
    (lambda: qd8.batch_matmul(X, ONE), ValueError, "must be matrices"),
    (lambda: qd8.batch_matmul_quantized(X, X.T, ONE), TypeError, "b is float32"),
    (
        lambda: qd8.batch_matmul_quantized(X, WEIGHT.T, ONE, ONE),
        ValueError,
        "has none",
    ),
    (lambda: transposed(output_shape=(1, 9, 9, 3)), ValueError, r"gives \(9, 9\)"),
    (lambda: transposed(output_shape=(1, 4, 4, 2)), ValueError, "OH, OW, 3"),
    (lambda: transposed(padding=((0, 0), (0, 0))), ValueError, "'SAME' or 'VALID'"),
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
        for call in (fc, conv, pool, cut, blocks, transposed):
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
