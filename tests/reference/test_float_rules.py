"""R20 to R27 against exact rational arithmetic, one scalar operation at a time."""

import math

import numpy as np
import pytest
import qd8_reference as reference
from hypothesis import given
from hypothesis import strategies as st

from tests import exact
from tests.checks import assert_same_bits

F32 = np.float32
SMALLEST_NORMAL = np.float32(2.0**-126)


def normal(seed: int, *shape: int, dtype: type = np.float32) -> np.ndarray:
    """Return normal numbers whose sums have bits to lose."""
    rng = np.random.default_rng(seed)
    magnitude = 10.0 ** rng.uniform(-2, 2, shape)
    return (rng.standard_normal(shape) * magnitude).astype(dtype)


def test_r20_fully_connected_is_one_chain_from_the_bias() -> None:
    """k ascends, each step one FMA, starting from the bias."""
    x, weight, bias = normal(1, 3, 7), normal(2, 4, 7), normal(3, 4)
    expected = np.empty((3, 4), np.float32)
    for m, n in np.ndindex(3, 4):
        acc = bias[n]
        for k in range(7):
            acc = exact.fma(x[m, k], weight[n, k], acc)
        expected[m, n] = acc
    assert_same_bits(expected, reference.fully_connected_float(x, weight, bias))


def conv_chain(x, weight, bias, stride, before, dilation, o, oy, ox, channels):
    """Return one output of R20: (ky, kx, c) ascending, padded taps skipped."""
    acc = bias[o]
    for ky, kx in np.ndindex(*weight.shape[1:3]):
        y = oy * stride[0] + ky * dilation[0] - before[0]
        z = ox * stride[1] + kx * dilation[1] - before[1]
        if 0 <= y < x.shape[0] and 0 <= z < x.shape[1]:
            for c, w in zip(channels, weight[o, ky, kx], strict=True):
                acc = exact.fma(x[y, z, c], w, acc)
    return acc


@pytest.mark.parametrize("groups", [1, 2])
def test_r20_conv2d_skips_padded_taps(groups: int) -> None:
    """Strided, dilated, padded and grouped, each output is one chain."""
    x, bias = normal(4, 1, 5, 6, 4), normal(6, 4)
    weight = normal(5, 4, 3, 2, 4 // groups)
    options = {"stride": (2, 1), "dilation": (1, 2), "padding": ((1, 2), (1, 0))}
    actual = reference.conv2d_float(x, weight, bias, groups=groups, **options)
    assert actual.shape == (1, 3, 5, 4)
    per_group = 4 // groups
    expected = np.empty_like(actual)
    for oy, ox, o in np.ndindex(3, 5, 4):
        first = o // per_group * per_group
        channels = range(first, first + per_group)
        expected[0, oy, ox, o] = conv_chain(
            x[0], weight, bias, (2, 1), (1, 1), (1, 2), o, oy, ox, channels
        )
    assert_same_bits(expected, actual)


def test_r20_depthwise_conv2d_reads_its_own_channel() -> None:
    """Output channel o reads input channel o // multiplier."""
    x, weight, bias = normal(7, 1, 4, 4, 3), normal(8, 1, 3, 3, 6), normal(9, 6)
    actual = reference.depthwise_conv2d(x, weight, bias, padding="SAME")
    expected = np.empty_like(actual)
    kernels = np.moveaxis(weight, 3, 0).reshape(6, 3, 3, 1)
    for oy, ox, o in np.ndindex(4, 4, 6):
        expected[0, oy, ox, o] = conv_chain(
            x[0], kernels, bias, (1, 1), (1, 1), (1, 1), o, oy, ox, [o // 2]
        )
    assert_same_bits(expected, actual)


def test_r20_subnormals_are_kept() -> None:
    """Float operators do not flush: only the quantized ones do."""
    x, weight = np.full((1, 1), 2.0**-100, np.float32), np.full((1, 1), 2.0**-45, F32)
    actual = reference.fully_connected_float(x, weight)
    assert_same_bits(np.full((1, 1), 2.0**-145, np.float32), actual)
    zero = np.zeros((1, 1), np.float32)
    bias = np.array([2.0**-149], np.float32)
    assert reference.fully_connected_float(zero, weight, bias)[0, 0] == F32(2.0**-149)


@pytest.mark.parametrize(("name", "sign"), [("add", 1), ("sub", -1)])
def test_r21_add_and_sub_round_once(name: str, sign: int) -> None:
    """One fl each, with broadcasting and an activation."""
    a, b = normal(10, 3, 1, 4), normal(11, 2, 1)
    operator = getattr(reference, name)
    actual = operator(a, b)
    expected = np.empty((3, 2, 4), np.float32)
    for i in np.ndindex(3, 2, 4):
        expected[i] = exact.add(a[i[0], 0, i[2]], sign * b[i[1], 0])
    assert_same_bits(expected, actual)
    clamped = np.minimum(np.maximum(expected, F32(0)), F32(6))
    assert_same_bits(clamped, operator(a, b, activation="relu6"))


def test_r21_mul_rounds_once() -> None:
    """One fl, also where the product is subnormal."""
    a, b = normal(12, 50), normal(13, 50) * F32(2.0**-140)
    expected = np.array([exact.mul(*pair) for pair in zip(a, b, strict=True)])
    assert_same_bits(expected, reference.mul(a, b))
    assert (np.abs(expected) < 2.0**-126).any()


def test_r21_relu_keeps_nan_and_orders_zeros() -> None:
    """R3's maximum: NaN stays, and -0.0 becomes +0.0."""
    x = np.array([np.nan, -0.0, -1.0, 7.0, np.inf], np.float32)
    relu, relu6 = reference.relu(x), reference.relu6(x)
    assert_same_bits(np.array([np.nan, 0, 0, 7, np.inf], np.float32), relu)
    assert_same_bits(np.array([np.nan, 0, 0, 6, 6], np.float32), relu6)


def lane_sum(values: np.ndarray) -> np.float32:
    """Return R22's sum of a vector: 16 lanes, then a fixed tree."""
    lanes = [F32(0)] * 16
    for i, value in enumerate(values):
        lanes[i % 16] = exact.add(lanes[i % 16], value)
    for half in (8, 4, 2, 1):
        lanes = [exact.add(lanes[j], lanes[j + half]) for j in range(half)]
    return lanes[0]


@pytest.mark.parametrize("K", [1, 2, 15, 16, 17, 33, 100])
def test_r22_mean_over_the_last_axis(K: int) -> None:
    """Lanes of 16 and a tree, then a true division by the count."""
    x = normal(14, 2, K)
    expected = [exact.div(lane_sum(row), K) for row in x]
    assert_same_bits(np.array(expected, np.float32), reference.mean(x, axes=(1,)))


def test_r22_mean_over_axes_that_include_the_last() -> None:
    """The reduced axes are flattened in row-major order, the kept ones in front."""
    x = normal(15, 3, 4, 5)
    expected = [exact.div(lane_sum(x[:, i].ravel()), 15) for i in range(4)]
    actual = reference.mean(x, axes=(0, 2))
    assert_same_bits(np.array(expected, np.float32), actual)
    kept = reference.mean(x, axes=(-1, 0), keepdims=True)
    assert_same_bits(actual.reshape(1, 4, 1), kept)


def test_r22_mean_over_other_axes_is_one_chain() -> None:
    """Not including the last axis: row-major order, one chain per output."""
    x = normal(16, 2, 3, 4, 5)
    expected = np.empty((2, 5), np.float32)
    for n, c in np.ndindex(2, 5):
        acc = F32(0)
        for y, z in np.ndindex(3, 4):
            acc = exact.add(acc, x[n, y, z, c])
        expected[n, c] = exact.div(acc, 12)
    assert_same_bits(expected, reference.mean(x, axes=(1, 2)))


def test_r23_average_pool_divides_by_the_valid_taps() -> None:
    """Padding is not counted."""
    x = normal(17, 1, 3, 3, 2)
    actual = reference.average_pool_2d(x, window=(2, 2), stride=(1, 1), padding="SAME")
    expected = np.empty_like(actual)
    for oy, ox, c in np.ndindex(3, 3, 2):
        window = x[0, oy : oy + 2, ox : ox + 2, c].ravel()
        acc = F32(0)
        for value in window:
            acc = exact.add(acc, value)
        expected[0, oy, ox, c] = exact.div(acc, window.size)
    assert_same_bits(expected, actual)


def test_r23_max_pool_propagates_nan_and_ignores_padding() -> None:
    """A padded tap is no zero, a NaN wins, and +0.0 is above -0.0."""
    x = np.full((1, 3, 3, 1), -5.0, np.float32)
    x[0, 0, 0, 0], x[0, 2, 2, 0], x[0, 2, 0, 0], x[0, 2, 1, 0] = np.nan, -1, -0.0, 0.0
    actual = reference.max_pool_2d(x, window=(2, 2), stride=(2, 2), padding="SAME")
    assert_same_bits(np.array([np.nan, -5, 0, -1], np.float32), actual.ravel())


COEFFICIENTS = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)


def scalar_exp(x: np.float32) -> np.float32:
    """R24, one rounding at a time."""
    x = F32(min(max(x, F32(-104)), F32(89)))
    n = F32(round(float(exact.mul(x, F32(1.44269504088896341)))))
    r = exact.fma(n, F32(-0.693359375), x)
    r = exact.fma(n, F32(2.12194440e-4), r)
    p = F32(COEFFICIENTS[0])
    for coefficient in COEFFICIENTS[1:]:
        p = exact.fma(p, r, F32(coefficient))
    y = exact.add(exact.fma(p, exact.mul(r, r), r), 1.0)
    a = math.floor(n / 2)
    half = exact.mul(y, F32(2.0) ** a)
    with np.errstate(over="ignore"):
        return half * F32(2.0) ** F32(n - a)


def scalar_vanishing(x: np.float32) -> np.float32:
    """R24, or 0 where that is subnormal (R41)."""
    e = scalar_exp(x)
    return F32(0) if e < SMALLEST_NORMAL else e


@given(x=st.floats(-110, 95, width=32))
def test_r24_exponential(x: float) -> None:
    """Every step has one rounding; the result is within two units of the truth."""
    actual = reference.exp(np.array([x], np.float32))
    assert_same_bits(scalar_exp(F32(x)), actual[0])
    truth = math.exp(x)
    if 2.0**-126 < truth < 3e38:
        assert abs(float(actual[0]) - truth) <= 2 * float(np.spacing(F32(truth)))


def test_r24_ends() -> None:
    """NaN stays, the ends saturate to infinity and zero, and exp(0) is 1."""
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    assert_same_bits(np.array([np.nan, np.inf, 0, 1, 1], np.float32), reference.exp(x))


@given(x=st.floats(-100, 100, width=32))
def test_r25_logistic(x: float) -> None:
    """1 / d or e / d with e = exp(-|x|), or 0 where that is subnormal (R41)."""
    e = scalar_vanishing(F32(-abs(x)))
    d = exact.add(1.0, e)
    expected = exact.div(F32(1) if x >= 0 else e, d)
    assert_same_bits(expected, reference.logistic(np.array([x], np.float32))[0])


def test_r25_logistic_ends() -> None:
    """NaN stays; infinities give exactly 1 and 0."""
    x = np.array([np.nan, np.inf, -np.inf, 0.0], np.float32)
    actual = reference.logistic(x)
    assert_same_bits(np.array([np.nan, 1, 0, 0.5], np.float32), actual)


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("K", [1, 5, 16, 35])
def test_r26_softmax(K: int, beta: float) -> None:
    """exp of the distance to the maximum, over R22's sum of them."""
    x = normal(18, 2, K)
    expected = np.empty_like(x)
    for row, out in zip(x, expected, strict=True):
        t = [exact.mul(value, F32(beta)) for value in row]
        e = np.array([scalar_vanishing(exact.add(value, -max(t))) for value in t])
        s = lane_sum(e)
        small = e.astype(np.float64) / s < SMALLEST_NORMAL
        out[:] = [exact.div(value, s) for value in np.where(small, F32(0), e)]
    assert_same_bits(expected, reference.softmax(x, beta=beta))


def test_r27_dequantize() -> None:
    """One rounded product per weight; the zero point is taken off as an integer."""
    values = np.array([[-128, 0, 127], [1, 2, 3]], np.int8)
    scale = np.array([0.1, 0.007], np.float32)
    actual = reference.dequantize(values, scale=scale)
    expected = np.empty((2, 3), np.float32)
    for i in np.ndindex(2, 3):
        expected[i] = exact.mul(values[i], scale[i[0]])
    assert_same_bits(expected, actual)
    shifted = reference.dequantize(values, scale=np.array(0.1, F32), zero_point=-128)
    assert shifted[0, 2] == exact.mul(255, F32(0.1))
    half = np.array([2.0**-24, np.nan, 1.5], np.float16)
    assert_same_bits(half.astype(np.float32), reference.dequantize(half))


@pytest.mark.parametrize("name", ["relu", "relu6", "logistic", "softmax"])
def test_r4_float16_is_storage(name: str) -> None:
    """float16 in, float32 inside, one rounding out."""
    operator = getattr(reference, name)
    x = normal(19, 3, 9, dtype=np.float16)
    expected = operator(x.astype(np.float32)).astype(np.float16)
    assert_same_bits(expected, operator(x))


def test_r4_float16_weights_are_widened() -> None:
    """A chain on float16 arguments is the float32 chain on the widened ones."""
    x, weight = normal(20, 2, 5, dtype=np.float16), normal(21, 3, 5, dtype=np.float16)
    wide = reference.fully_connected_float(x.astype(F32), weight.astype(F32))
    actual = reference.fully_connected_float(x, weight)
    assert_same_bits(wide.astype(np.float16), actual)


def test_shapes_only_move_bits() -> None:
    """PAD, RESHAPE and CONCATENATION copy; NaN payloads, -0.0 and subnormals too."""
    x = np.array([[np.nan, -0.0], [1e-40, 2.0]], np.float32)
    padded = reference.pad(x, paddings=((0, 1), (1, 0)), value=-3.0)
    expected = np.full((3, 3), -3.0, np.float32)
    expected[:2, 1:] = x
    assert_same_bits(expected, padded)
    assert_same_bits(x.reshape(4), reference.reshape(x, shape=(4,)))
    joined = reference.concatenation([x, x[:, :1]], axis=-1)
    assert_same_bits(np.concatenate([x, x[:, :1]], axis=1), joined)
