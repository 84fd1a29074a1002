"""R10 to R17 with numbers worked out by hand: the quantized operators."""

import numpy as np
import pytest
from qd8_reference import (
    conv2d,
    conv2d_steps,
    fully_connected,
    fully_connected_steps,
    quantize_images,
    quantize_rows,
)

from tests.checks import assert_same_bits

F32 = np.float32
ONE = np.ones((), np.float32)


def f32(*values: float) -> np.ndarray:
    """Return a float32 vector."""
    return np.array(values, np.float32)


def test_r13_the_accumulator_is_exact() -> None:
    """Scale 1, zero_point -128: the accumulator is the integer product."""
    x = np.array([[255.0, 3.0, 0.0]], np.float32)
    weight = np.array([[1, 2, 3], [-128, 127, 5]], np.int8)
    steps = fully_connected_steps(x, weight, f32(1, 1))
    expected = [[255 + 6, -128 * 255 + 127 * 3]]
    assert_same_bits(np.array(expected, np.int32), steps.accumulator)
    assert_same_bits(np.array(expected, np.float32), steps.output)


def test_r13_the_accumulator_wraps() -> None:
    """65,794 products of 255 * -128 are 32,512 below -2^31, so they come out above."""
    K = 65_794
    x, weight = np.full((1, K), 255.0, np.float32), np.full((1, K), -128, np.int8)
    exact = -128 * 255 * K
    assert exact == -(2**31) - 32_512
    steps = fully_connected_steps(x, weight, ONE)
    assert_same_bits(np.array([[exact + 2**32]], np.int32), steps.accumulator)


def test_r13_padded_taps_contribute_nothing() -> None:
    """Zero_point is 127 here, yet a window that is mostly padding sums one pixel."""
    x = np.full((1, 2, 2, 1), -255.0, np.float32)
    weight = np.ones((1, 3, 3, 1), np.int8)
    steps = conv2d_steps(x, weight, ONE, padding=((2, 2), (2, 2)))
    assert steps.accumulator.shape == (1, 4, 4, 1)
    assert steps.accumulator[0, 0, 0, 0] == -255
    assert steps.accumulator[0, 1, 1, 0] == -255 * 4


def test_r14_float32_of_the_accumulator_rounds_to_even() -> None:
    """2^24 + 1 is no float32; the tie goes to 2^24, 2^24 + 3 to 2^24 + 4."""
    K = 600
    x = np.full((1, K), 255.0, np.float32)
    x[0, -1] = 1.0
    for wanted in (2**24 + 1, 2**24 + 3):
        weight = np.zeros(K, np.int64)
        whole, rest = divmod(wanted, 255 * 127)
        weight[:whole] = 127
        weight[whole] = rest // 255
        weight[-1] = rest % 255 - (rest % 255 > 127) * 255
        weight[whole] += rest % 255 > 127
        steps = fully_connected_steps(x, weight.astype(np.int8)[None], ONE)
        assert steps.accumulator[0, 0] == wanted
        assert steps.output[0, 0] == F32(wanted)


def test_r14_scale_first_then_one_fused_rounding() -> None:
    """fl(fl(acc * scale) * weight_scale + bias), each term with bits to lose."""
    x = np.array([[0.3, 0.7, -0.1]], np.float32)
    weight = np.array([[3, 127, -7]], np.int8)
    weight_scale, bias = f32(0.1), f32(-0.7)
    steps = fully_connected_steps(x, weight, weight_scale, bias)
    t = F32(steps.accumulator[0, 0]) * steps.scale[0]
    # 48 bits of product and a bias of like size fit float64: no second rounding here.
    exact = np.float64(t) * np.float64(weight_scale[0]) + np.float64(bias[0])
    assert_same_bits(F32(exact), steps.output[0, 0])


def test_r14_a_missing_bias_is_plus_zero() -> None:
    """An accumulator of 0 gives +0.0, also with a bias of -0.0."""
    x, weight = np.zeros((1, 2), np.float32), np.ones((1, 2), np.int8)
    assert_same_bits(f32(0.0), fully_connected(x, weight, ONE)[0])
    assert_same_bits(f32(0.0), fully_connected(x, weight, ONE, f32(-0.0))[0])


def test_r14_minus_zero_survives_where_everything_flushed() -> None:
    """A negative accumulator at scale 0 is -0.0, and -0.0 + -0.0 is -0.0."""
    x, weight = f32(1e-36, 0.0)[None], -np.ones((1, 2), np.int8)
    assert_same_bits(f32(-0.0), fully_connected(x, weight, ONE, f32(-0.0))[0])


def test_r2_r14_bias_and_result_flush() -> None:
    """A subnormal bias counts as zero, and a subnormal result becomes zero."""
    zero, weight = np.zeros((1, 1), np.float32), np.ones((1, 1), np.int8)
    assert_same_bits(f32(0.0), fully_connected(zero, weight, ONE, f32(1e-39))[0])
    x, tiny = np.full((1, 1), 255.0, np.float32) / 256, F32(2.0**-126)
    half = fully_connected(x, weight, np.array(tiny))  # 255/256 of the threshold
    assert_same_bits(f32(0.0), half[0])
    minus = fully_connected(-x, weight, np.array(tiny))
    assert_same_bits(f32(-0.0), minus[0])


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("none", (-300, -0.5, 0.5, 7)),
        ("relu", (0, 0, 0.5, 7)),
        ("relu6", (0, 0, 0.5, 6)),
        ("relu_n1_to_1", (-1, -0.5, 0.5, 1)),
    ],
)
def test_r14_activations(activation: str, expected: tuple[float, ...]) -> None:
    """The output is clamped, both ends being attained."""
    x = np.array([[1.0, 0.0]], np.float32)
    weight = np.zeros((4, 2), np.int8)
    bias = f32(-300, -0.5, 0.5, 7)
    actual = fully_connected(x, weight, ONE, bias, activation=activation)
    assert_same_bits(f32(*expected), actual[0])


@pytest.mark.parametrize("activation", ["none", "relu", "relu6", "relu_n1_to_1"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_r10_a_row_without_a_range_is_nan(activation: str, bad: float) -> None:
    """All its outputs are NaN, through every activation; its neighbours are not."""
    x = np.array([[1.0, 2.0], [bad, 2.0], [3.0, -4.0]], np.float32)
    weight = np.array([[1, 2], [0, 0], [-3, 4]], np.int8)
    y = fully_connected(x, weight, ONE, f32(1, 2, 3), activation=activation)
    assert np.isnan(y[1]).all()
    alone = fully_connected(x[[0, 2]], weight, ONE, f32(1, 2, 3), activation=activation)
    assert_same_bits(alone, y[[0, 2]])
    assert np.isfinite(alone).all()


def test_r10_an_image_without_a_range_is_nan() -> None:
    """Every pixel of the image, also those whose window is finite."""
    x = np.ones((2, 5, 5, 1), np.float32)
    x[0, 4, 4, 0] = np.inf
    y = conv2d(x, np.ones((2, 3, 3, 1), np.int8), ONE)
    assert np.isnan(y[0]).all()
    assert np.isfinite(y[1]).all()


def test_r11_a_pointwise_convolution_quantizes_pixels() -> None:
    """1x1, stride 1, ungrouped: the same bits as a fully connected over pixels."""
    rng = np.random.default_rng(3)
    x = (rng.standard_normal((2, 3, 4, 5)) * rng.uniform(0, 9, (2, 3, 4, 1))).astype(
        np.float32
    )
    weight = rng.integers(-127, 128, (6, 5)).astype(np.int8)
    expected = fully_connected_steps(x, weight, ONE)
    for padding in ("SAME", "VALID", ((0, 0), (0, 0))):
        for dilation in ((1, 1), (3, 2)):
            actual = conv2d_steps(
                x, weight[:, None, None], ONE, padding=padding, dilation=dilation
            )
            assert_same_bits(expected.output, actual.output)
            assert_same_bits(expected.scale, actual.scale)
    assert expected.scale.shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("channels", "outputs", "options"),
    [
        (1, 1, {}),
        (4, 4, {"groups": 2}),
        (3, 2, {"stride": (1, 2)}),
        (3, 2, {"padding": ((0, 1), (0, 0))}),
    ],
)
def test_r11_other_convolutions_quantize_images(
    channels: int, outputs: int, options: dict
) -> None:
    """1 to 1 channel, grouped, strided or padded: one scale for an image."""
    x = np.random.default_rng(4).standard_normal((2, 3, 4, channels)).astype(np.float32)
    inputs = channels // options.get("groups", 1)
    weight = np.ones((outputs, 1, 1, inputs), np.int8)
    steps = conv2d_steps(x, weight, ONE, **options)
    assert_same_bits(quantize_images(x).scale, steps.scale)


def test_r15_float16_is_widened_and_rounded_once() -> None:
    """The float32 answer to the widened input, rounded to float16 after the clamp."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4, 9)).astype(np.float16)
    weight = rng.integers(-127, 128, (7, 9)).astype(np.int8)
    bias = rng.standard_normal(7).astype(np.float32)
    wide = fully_connected(x.astype(np.float32), weight, F32(0.013) * ONE, bias)
    actual = fully_connected(x, weight, F32(0.013) * ONE, bias)
    assert_same_bits(wide.astype(np.float16), actual)


@pytest.mark.parametrize(
    ("bias", "expected"), [(65519.996, 65504.0), (65520.0, np.inf), (-65520.0, -np.inf)]
)
def test_r4_r15_float16_overflows_to_infinity(bias: float, expected: float) -> None:
    """65520 is the first value that float16 rounds to infinity."""
    x, weight = np.zeros((1, 1), np.float16), np.ones((1, 1), np.int8)
    actual = fully_connected(x, weight, ONE, f32(bias))
    assert_same_bits(np.array([[expected]], np.float16), actual)


def test_r16_only_the_multiplier_of_the_values_is_rounded() -> None:
    """The zero point and the scale come from the float32 multiplier."""
    x = np.zeros((1, 3, 3, 1), np.float16)
    x[0, :, :, 0] = [[-0.7, 1.2, 0.9], [0.123, 0.456, -0.2], [0.05, 1.1, 0.77]]
    weight = np.ones((1, 3, 3, 1), np.int8)
    exact = conv2d_steps(x, weight, ONE)
    xnnpack = conv2d_steps(x, weight, ONE, f16_scale="xnnpack")
    assert_same_bits(exact.scale, xnnpack.scale)
    assert_same_bits(exact.zero_point, xnnpack.zero_point)
    wide = x.astype(np.float32)
    multiplier = F32(255) / (wide.max() - wide.min())
    rounded = F32(np.float16(multiplier))
    assert rounded != multiplier
    expected = np.clip(np.rint(wide * rounded) + exact.zero_point, -128, 127)
    assert_same_bits(expected.astype(np.int8), xnnpack.values)


def test_r16_ruins_rows_of_a_small_range() -> None:
    """Below 255/65520 the float16 multiplier is inf: every positive value is 127."""
    x = np.full((1, 2, 2, 1), 1e-3, np.float16)
    x[0, 0, 0, 0] = 2e-3
    weight = np.ones((1, 2, 2, 1), np.int8)
    xnnpack = conv2d_steps(x, weight, ONE, padding="VALID", f16_scale="xnnpack")
    assert_same_bits(np.full((1, 2, 2, 1), 127, np.int8), xnnpack.values)
    exact = conv2d_steps(x, weight, ONE, padding="VALID")
    assert_same_bits(np.array([127, 0, 0, 0], np.int8), exact.values.ravel())


def test_r16_a_pointwise_convolution_ignores_it() -> None:
    """R11 makes it a fully connected, which XNNPACK runs without that rounding."""
    x = np.random.default_rng(6).standard_normal((1, 3, 3, 4)).astype(np.float16)
    weight = np.ones((2, 1, 1, 4), np.int8)
    expected = conv2d(x, weight, ONE)
    assert_same_bits(expected, conv2d(x, weight, ONE, f16_scale="xnnpack"))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "before", "after"),
    [
        (5, 3, 1, 1, 1, 1),
        (6, 3, 2, 1, 0, 1),  # the odd one goes behind
        (5, 2, 1, 1, 0, 1),
        (7, 3, 2, 2, 2, 2),
        (4, 1, 2, 1, 0, 0),
        (2, 5, 3, 1, 1, 2),
    ],
)
def test_r17_same_padding(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int
) -> None:
    """SAME is an explicit padding that R17 computes, the odd element behind."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((1, size, 1, 2)).astype(np.float32)
    weight = rng.integers(-127, 128, (3, kernel, 1, 2)).astype(np.int8)
    options = {"stride": (stride, 1), "dilation": (dilation, 1)}
    same = conv2d(x, weight, ONE, padding="SAME", **options)
    explicit = conv2d(x, weight, ONE, padding=((before, after), (0, 0)), **options)
    assert same.shape[1] == -(-size // stride)
    assert_same_bits(explicit, same)


def test_grouped_channels_stay_apart() -> None:
    """Group g reads its own inputs and writes its own outputs, one scale for all."""
    x = np.zeros((1, 2, 2, 4), np.float32)
    x[..., :2], x[..., 2:] = 255.0, 1.0
    weight = np.ones((4, 2, 2, 2), np.int8)
    steps = conv2d_steps(x, weight, ONE, groups=2, padding="VALID")
    expected = [4 * 2 * 255] * 2 + [4 * 2 * 1] * 2
    assert_same_bits(np.array(expected, np.int32), steps.accumulator.ravel())
    assert_same_bits(f32(1.0), steps.scale)


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    """C1: rows computed alone are the rows of the batch."""
    x = np.random.default_rng(8).standard_normal((5, 3, 7)).astype(np.float32)
    weight = np.random.default_rng(9).integers(-127, 128, (4, 7)).astype(np.int8)
    together = fully_connected(x, weight, ONE)
    for index in np.ndindex(5, 3):
        assert_same_bits(together[index], fully_connected(x[index], weight, ONE))
    assert_same_bits(
        quantize_rows(x).values[2, 1], quantize_rows(x[2, 1].copy()).values
    )
