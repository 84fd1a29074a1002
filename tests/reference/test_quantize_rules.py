"""R3 to R12 with numbers worked out by hand."""

import numpy as np
import pytest
from qd8_reference import quantize_images, quantize_rows, quantize_weights
from qd8_reference.activation import maximum, minimum

from tests.checks import assert_same_bits

F32 = np.float32


def row(*values: float) -> np.ndarray:
    """Return one float32 row."""
    return np.array([values], np.float32)


@pytest.mark.parametrize(
    ("a", "b", "larger", "smaller"),
    [
        (1.0, 2.0, 2.0, 1.0),
        (-0.0, 0.0, 0.0, -0.0),
        (0.0, -0.0, 0.0, -0.0),
        (-0.0, -0.0, -0.0, -0.0),
        (np.nan, 1.0, np.nan, np.nan),
        (1.0, np.nan, np.nan, np.nan),
        (-np.inf, np.nan, np.nan, np.nan),
        (-np.inf, 5.0, 5.0, -np.inf),
    ],
)
def test_r3_maximum_and_minimum(
    a: float, b: float, larger: float, smaller: float
) -> None:
    """NaN propagates from either side, and -0.0 is below +0.0."""
    assert_same_bits(row(larger), maximum(row(a), row(b)))
    assert_same_bits(row(smaller), minimum(row(a), row(b)))


def test_r5_the_range_holds_zero() -> None:
    """A row far above zero uses 255 steps from 0: its smallest value is no bound."""
    q = quantize_rows(row(255.0, 250.0, 128.0))
    assert_same_bits(np.array([[127, 122, 0]], np.int8), q.values)
    assert_same_bits(np.array([-128], np.int32), q.zero_point)
    assert_same_bits(np.array([1], np.float32), q.scale)


def test_r6_two_roundings_make_the_multiplier() -> None:
    """255 / fl(0.1 + 0.2) in float32, and scale is its reciprocal."""
    low, high = F32(-0.1), F32(0.2)
    multiplier = F32(255) / (high - low)
    q = quantize_rows(row(low, high))
    assert_same_bits(np.array([F32(1) / multiplier]), q.scale)


def test_r7_zero_point_tie_goes_to_even() -> None:
    """A minimum of -0.5 steps gives -127.5, which is -128; -1.5 gives -126.5: -126."""
    assert quantize_rows(row(-0.5, 254.5)).zero_point == [-128]
    assert quantize_rows(row(-1.5, 253.5)).zero_point == [-126]


def test_r7_the_zero_point_comes_from_the_end_nearer_to_the_limit() -> None:
    """Both ends imply a zero point; which of the two is meant shows at a tie."""
    low, high = row(-1269), row(261)  # u = 3, a = 211: 1530 steps of 1/6
    multiplier = F32(255) / (high - low)
    from_min = F32(-128) - low * multiplier
    from_max = F32(127) - high * multiplier
    assert (F32(-128) + low * multiplier) + (F32(127) + high * multiplier) <= 0
    q = quantize_rows(np.concatenate([low, high], axis=1))
    assert_same_bits(np.rint(from_max).astype(np.int32)[0], q.zero_point)
    assert np.abs(from_min - from_max) < 1e-3


def test_r7_a_row_of_zeros() -> None:
    """Zeros of either sign: zero_point 127, scale 1, values 127."""
    q = quantize_rows(row(0.0, -0.0, 0.0))
    assert_same_bits(np.array([[127, 127, 127]], np.int8), q.values)
    assert_same_bits(np.array([127], np.int32), q.zero_point)
    assert_same_bits(np.array([1], np.float32), q.scale)


def test_r8_scale_is_not_the_range_over_255() -> None:
    """1 / fl(255 / 3) is one bit from fl(3 / 255) for some range; both are found."""
    ranges = np.arange(1, 200, dtype=np.float32)
    q = quantize_rows(np.stack([np.zeros_like(ranges), ranges], axis=1))
    assert_same_bits(F32(1) / (F32(255) / ranges), q.scale)
    assert (q.scale != ranges / F32(255)).any()


def test_r8_a_tiny_scale_flushes() -> None:
    """A range of 2e-36 has a multiplier of 1.3e38, whose reciprocal is subnormal."""
    q = quantize_rows(row(0.0, 2e-36))
    assert_same_bits(np.array([0], np.float32), q.scale)


def test_r9_rounds_before_the_zero_point_is_added() -> None:
    """2.5 steps round to 2 and then become 2 - 127; 2.5 - 127 would round to -124."""
    q = quantize_rows(row(-1.0, 254.0, 2.5, 3.5, -0.5))
    assert q.zero_point == [-127]
    assert_same_bits(np.array([[-128, 127, -125, -123, -127]], np.int8), q.values)


def test_r6_r9_an_infinite_multiplier() -> None:
    """Below 255/FLT_MAX: 0 * inf is NaN and counts as 32767; z NaN becomes -128."""
    q = quantize_rows(row(0.0, 5e-37, -5e-38))
    assert_same_bits(np.array([[127, 127, -128]], np.int8), q.values)
    assert_same_bits(np.array([0], np.float32), q.scale)
    one_sided = quantize_rows(row(0.0, 5e-37))
    assert_same_bits(np.array([-128], np.int32), one_sided.zero_point)


def test_r2_subnormal_elements_count_as_zero() -> None:
    """A row of subnormals is a row of zeros; beside normals they do not round up."""
    assert_same_bits(np.array([127], np.int32), quantize_rows(row(1e-39)).zero_point)
    q = quantize_rows(row(4e-36, 1.1e-38))  # 0.70 of a step of 1.57e-38
    assert_same_bits(np.array([[127, -128]], np.int8), q.values)


def test_r4_float16_subnormals_are_kept() -> None:
    """The smallest float16, widened, has a range of its own."""
    q = quantize_rows(np.array([[2.0**-24, 0.0]], np.float16))
    assert_same_bits(np.array([[127, -128]], np.int8), q.values)
    assert_same_bits(F32(1) / (F32(255) / F32(2.0**-24)), q.scale[0])


@pytest.mark.parametrize(
    "values",
    [
        (np.nan, 1.0),
        (1.0, np.inf),
        (-np.inf, 1.0),
        (np.inf, -np.inf),
        (np.nan, np.inf),
        (-2e38, 2e38),  # finite elements, but the range overflows
    ],
)
def test_r10_rows_without_a_finite_range(values: tuple[float, ...]) -> None:
    """Values 0, zero_point 0, scale NaN; the row beside them keeps its own."""
    x = np.array([values, (0.0, 255.0)], np.float32)
    q = quantize_rows(x)
    assert_same_bits(np.array([[0, 0], [-128, 127]], np.int8), q.values)
    assert_same_bits(np.array([0, -128], np.int32), q.zero_point)
    assert_same_bits(np.array([np.nan, 1], np.float32), q.scale)


def test_r10_the_widest_finite_range() -> None:
    """FLT_MAX itself is a range."""
    largest = np.finfo(np.float32).max
    q = quantize_rows(np.array([[largest, 0.0]], np.float32))
    assert_same_bits(np.array([[127, -128]], np.int8), q.values)
    assert np.isfinite(q.scale).all()


def test_r11_rows_and_images() -> None:
    """A row is the last axis; an image is H, W and C together."""
    x = np.zeros((2, 1, 2, 1), np.float32)
    x[0, 0, :, 0], x[1, 0, :, 0] = (255.0, 51.0), (-255.0, -102.0)
    rows, images = quantize_rows(x), quantize_images(x)
    assert (rows.zero_point.shape, images.zero_point.shape) == ((2, 1, 2), (2,))
    assert rows.scale[0, 0, 1] == F32(1) / (F32(255) / F32(51))
    assert_same_bits(np.array([1, 1], np.float32), images.scale)
    assert_same_bits(np.array([-128, 127], np.int32), images.zero_point)
    assert_same_bits(np.array([127, -77, -128, 25], np.int8), images.values.ravel())


def test_dequantize_undoes_exact_steps() -> None:
    """(values - zero_point) * scale gives back what lay on steps."""
    x = row(-4.0, 251.0, 17.0)
    assert_same_bits(x, quantize_rows(x).dequantize())


def test_r12_rounds_halves_away_from_zero() -> None:
    """With a largest weight of 127 the steps are integers and halves are ties."""
    w = np.array([[127.0, 2.5, -2.5, 0.5, -0.4]], np.float32)
    q = quantize_weights(w)
    assert_same_bits(np.array([[127, 3, -3, 1, 0]], np.int8), q.values)
    assert_same_bits(np.array([1], np.float32), q.scale)


def test_r12_per_channel_per_tensor_and_another_axis() -> None:
    """One scale a channel along ``axis``, or one in all; never -128."""
    w = np.array([[127.0, -12.7], [-1.27, 0.0]], np.float32)
    channel, tensor = quantize_weights(w), quantize_weights(w, per="tensor")
    assert_same_bits(np.array([[127, -13], [-127, 0]], np.int8), channel.values)
    assert_same_bits(np.array([1, F32(1.27) / F32(127)], np.float32), channel.scale)
    assert_same_bits(np.array([[127, -13], [-1, 0]], np.int8), tensor.values)
    assert tensor.scale.shape == (1,)
    columns = quantize_weights(w, axis=1)
    assert_same_bits(quantize_weights(w.T.copy()).values.T, columns.values)


def test_r12_a_channel_of_zeros_has_a_usable_scale() -> None:
    """Values 0 and a scale that R14 accepts: positive, normal, finite."""
    q = quantize_weights(np.array([[0.0, 0.0], [1.0, 2.0]], np.float32))
    assert_same_bits(np.array([[0, 0], [64, 127]], np.int8), q.values)
    assert q.scale[0] >= np.finfo(np.float32).smallest_normal
