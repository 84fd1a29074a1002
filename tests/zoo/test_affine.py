"""Scales, zero points and rounding of full-integer files, worked out by hand."""

import numpy as np
import pytest

from qd8.quantize import quantize_weights as dynamic
from qd8.zoo.affine import Affine, Range, quantize_bias, quantize_weights, round_away
from tests.checks import assert_same_bits


@pytest.mark.parametrize(
    ("lo", "hi", "scale", "zero_point"),
    [
        (-1, 1, 2 / 255, -1),  # -0.5 is rounded away from zero, as the converter does
        (0, 6, 6 / 255, -128),
        (2, 6, 6 / 255, -128),
        (-3, -1, 3 / 255, 127),
        (-10, 245, 1, -118),
        (-0.4, 254.6, 1, -128),
        (0, 0, 1, -128),
        # A half in exact numbers: which end it is computed from decides.
        (-0.01, 0.33, 0.34 / 255, -121),
        (-2.2980494499206543, 2.2980494499206543, 2 * 2.2980494499206543 / 255, 0),
    ],
)
def test_ranges_are_nudged(lo: float, hi: float, scale: float, zero_point: int) -> None:
    """Zero is a step, and both ends are at most half a step away from theirs."""
    found = Affine.of(Range(lo, hi))
    assert found == (np.float32(scale), zero_point)
    ends = found.dequantize(np.array([-128, 127], np.int8))
    assert ends[0] <= min(lo, 0) + scale * 0.501
    assert ends[1] >= max(hi, 0) - scale * 0.501


def test_halves_are_rounded_away_from_zero() -> None:
    """And the largest float32 below a half is not."""
    below = np.nextafter(np.float32(0.5), np.float32(0))
    x = np.array([0.5, -0.5, 1.5, 2.5, -2.5, below, -below, 8388609], np.float32)
    expected = np.array([1, -1, 2, 3, -3, 0, -0.0, 8388609], np.float32)
    assert_same_bits(expected, round_away(x))


def test_weights_are_rounded_through_the_inverse_of_their_scale() -> None:
    """A float32 product with 127 is a half again; R12's quotient just misses it."""
    weight = np.array([[1.0, *(np.arange(6) + 0.5) / 127]], np.float32)
    values, scale = quantize_weights(weight, axis=0)
    assert_same_bits(np.array([1 / 127], np.float32), scale)
    assert values.tolist() == [[127, 1, 2, 3, 4, 5, 6]]
    assert dynamic(weight, axis=0).values.tolist() == [[127, 0, 1, 2, 3, 5, 6]]


def test_weights_of_zeros_have_the_scale_of_r12() -> None:
    """Per channel of the axis; a channel of zeros is divided by no zero."""
    weight = np.zeros((2, 3), np.float32)
    weight[:, 1] = 0.5, -1
    values, scale = quantize_weights(weight, axis=1)
    smallest = 5e-7 / 127
    expected = np.array([smallest, 1 / 127, smallest], np.float32)
    assert_same_bits(expected, scale)
    assert values.tolist() == [[0, 64, 0], [0, -127, 0]]


def test_biases_are_whole_steps_of_int32() -> None:
    """Halves away from zero; one step beyond int32 is refused."""
    scale = np.array([0.5, 0.5, 2.0**-30], np.float32)
    bias = np.array([0.75, -0.25, 1.0], np.float32)
    expected = np.array([2, -1, 2**30], np.int32)
    assert_same_bits(expected, quantize_bias(bias, scale))
    with pytest.raises(ValueError, match=r"2\.15e\+09 steps of its scale"):
        quantize_bias(bias * 2, scale)
