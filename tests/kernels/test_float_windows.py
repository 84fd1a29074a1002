"""Depthwise convolution and pooling against the definition (R20, R23)."""

import numpy as np
import pytest
import qd8_reference
from qd8_reference.window import output_size, resolve_padding

from qd8.kernels import float_depthwise, float_pool
from qd8.kernels.float_window_bands import groups
from qd8.kernels.windows import spans
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild


def depthwise(x, weight, bias, *, stride, padding, dilation, activation, threads):
    geometry = x.shape[1:3], weight.shape[1:3], stride, dilation
    sides = resolve_padding(padding, *geometry)
    shape = (len(x), *output_size(*geometry, sides), weight.shape[3])
    out = output(shape, x.dtype)
    calls = float_depthwise.bind_depthwise_conv2d(
        x, weight, bias, out, stride=stride, padding=sides, dilation=dilation,
        activation=activation, threads=threads,
    )  # fmt: skip
    return run(calls, out)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4), (7, 15)])
@pytest.mark.parametrize("C", [1, 5, 15, 16, 17, 40])
def test_depthwise_channels(isa, dtype, threads, size, C):
    """Fewer channels than lanes, and a last vector that overlaps."""
    x, weight = wild(C, 2, *size, C, dtype=dtype), floats(1, 1, 3, 3, C, dtype=dtype)
    options = {"stride": (1, 1), "padding": "SAME", "dilation": (1, 1)}
    options |= {"activation": "none"}
    expected = qd8_reference.depthwise_conv2d(x, weight, floats(2, C), **options)
    actual = depthwise(x, weight, floats(2, C), **options, threads=threads)
    assert_same_bits(expected, actual)


@pytest.mark.parametrize(
    ("kernel", "size", "C"), [(3, (4, 26), 245), (3, (17, 4), 33), (5, (6, 13), 101)]
)
def test_depthwise_groups(isa, dtype, threads, kernel, size, C):
    """Groups of every size along both sides; more channels than a strip meets."""
    x, weight = wild(5, 1, *size, C, dtype=dtype), floats(6, 1, kernel, kernel, C)
    options = {"stride": (1, 1), "padding": "SAME", "dilation": (1, 1)}
    options |= {"activation": "none"}
    expected = qd8_reference.depthwise_conv2d(x, weight, floats(7, C), **options)
    actual = depthwise(x, weight, floats(7, C), **options, threads=threads)
    assert_same_bits(expected, actual)


def test_groups_are_as_few_as_possible():
    """Six, four and one at once: 8 are two fours, 14 a six and two fours."""
    found = {count: groups(count, (6, 4, 1)) for count in (0, 3, 8, 13, 14, 26)}
    assert found == {
        0: (0, 0, 0),
        3: (0, 0, 3),
        8: (0, 2, 0),
        13: (2, 0, 1),
        14: (1, 2, 0),
        26: (3, 2, 0),
    }
    for count in range(200):
        assert np.dot(groups(count, (6, 4, 1)), (6, 4, 1)) == count


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "multiplier"),
    [
        ((3, 3), (2, 2), "SAME", (1, 1), 1),
        ((5, 5), (1, 2), "VALID", (1, 1), 1),
        ((2, 3), (1, 1), "SAME", (2, 3), 1),
        ((1, 1), (1, 1), "SAME", (1, 1), 2),
        ((3, 3), (1, 1), "SAME", (1, 1), 3),
        ((3, 2), (3, 1), ((5, 0), (4, 6)), (1, 1), 1),
    ],
)
def test_depthwise_options(
    isa, dtype, threads, kernel, stride, padding, dilation, multiplier
):
    """Strides, dilation, padding beyond the kernel, several outputs a channel."""
    x = wild(3, 2, 9, 13, 18, dtype=dtype)
    weight = floats(4, 1, *kernel, 18 * multiplier)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    options |= {"activation": "relu6"}
    expected = qd8_reference.depthwise_conv2d(x, weight, **options)
    actual = depthwise(x, weight, None, **options, threads=threads)
    assert_same_bits(expected, actual)


def test_depthwise_skips_padded_taps(isa):
    """Infinite weights: 0 * inf at the border would be NaN."""
    weight = np.full((1, 3, 3, 20), np.inf, np.float32)
    options = {"stride": (1, 1), "padding": "SAME", "dilation": (1, 1)}
    x = np.ones((1, 4, 4, 20), np.float32)
    actual = depthwise(x, weight, None, **options, activation="none", threads=1)
    assert_same_bits(np.full(x.shape, np.inf, np.float32), actual)


@pytest.mark.parametrize("name", ["max_pool_2d", "average_pool_2d"])
@pytest.mark.parametrize("C", [1, 16, 23])
@pytest.mark.parametrize(
    ("window", "stride", "padding"),
    [
        ((2, 2), (2, 2), "VALID"),
        ((3, 3), (1, 2), "SAME"),
        ((1, 1), (1, 1), "SAME"),
        ((7, 9), (7, 9), "VALID"),
        ((4, 3), (2, 1), ((3, 0), (1, 2))),
    ],
)
def test_pool(isa, dtype, threads, name, C, window, stride, padding):
    """Padded taps count for nothing: neither in the sum nor in the divisor."""
    x = wild(C, 2, 7, 9, C, dtype=dtype)
    options = {"window": window, "stride": stride, "activation": "relu_n1_to_1"}
    with np.errstate(over="ignore"):
        expected = getattr(qd8_reference, name)(x, padding=padding, **options)
    sides = resolve_padding(padding, x.shape[1:3], window, stride, (1, 1))
    out = output(expected.shape, dtype)
    bind = getattr(float_pool, f"bind_{name}")
    calls = bind(x, out, padding=sides, **options, threads=threads)
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("height", [1, 2, 3])
def test_average_is_a_true_division(isa, height):
    """One element among 3, 6 or 9 taps: all exponents, every kind of mantissa."""
    bits = np.random.default_rng(height).integers(0, 1 << 31, 59_840)
    odd = np.arange(1, 20_001, dtype=np.float32)
    tiny = odd * np.float32(2.0**-149)  # quotients that are ties where 6 divides
    sums = np.concatenate([bits.astype(np.uint32).view(np.float32), odd, tiny])
    sums = np.concatenate([sums, -sums]).reshape(-1, 10, 16)
    x = np.zeros((1, len(sums) * height, 21, 16), np.float32)
    x[0, ::height, 1::2] = sums  # each in one window
    out = output((1, *sums.shape), np.float32)
    calls = float_pool.bind_average_pool_2d(
        x, out, window=(height, 3), stride=(height, 2), padding=((0, 0), (0, 0)),
        activation="none", threads=1,
    )  # fmt: skip
    with np.errstate(all="ignore"):
        expected = sums[None] / np.float32(3 * height)
    assert_same_bits(expected, run(calls, out))


def test_max_pool_orders_zeros_and_keeps_nan(isa):
    """R3: -0.0 < +0.0 wherever each stands, and NaN wins."""
    values = [(-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0), (np.nan, 1), (1, np.nan)]
    x = np.array(values, np.float32).reshape(1, 5, 2, 1)
    out = output((1, 5, 1, 1), np.float32)
    calls = float_pool.bind_max_pool_2d(
        x, out, window=(1, 2), stride=(1, 1), padding=((0, 0), (0, 0)),
        activation="none", threads=1,
    )  # fmt: skip
    expected = np.array([0.0, 0.0, -0.0, np.nan, np.nan], np.float32)
    assert_same_bits(expected.reshape(out.shape), run(calls, out))


@pytest.mark.parametrize("kernel", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("before", [0, 1, 6])
def test_spans_say_which_taps_lie_inside(kernel, stride, dilation, before):
    """Against trying every tap of every output."""
    size, outputs = 7, 6
    found = spans(size, kernel, stride, dilation, before, outputs)
    assert [o for s in found for o in range(s.first, s.last)] == [*range(outputs)]
    for span in found:
        for o in range(span.first, span.last):
            inside = [
                tap
                for tap in range(kernel)
                if 0 <= o * stride + tap * dilation - before < size
            ]
            assert inside == [*range(span.low, span.high)]
