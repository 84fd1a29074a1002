"""How int8 and int32 stand for real numbers in full-integer files.

Activations have a scale and a zero point for the tensor, weights a scale for each
output channel, biases the product of the two.
"""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

QMIN, QMAX = -128, 127
EPSILON = 2.0**-52
INT32_MAX = 2**31 - 1


class Range(NamedTuple):
    """The smallest and the largest value of a tensor, in real units."""

    lo: float
    hi: float

    def union(self, other: Self) -> "Range":
        """Return the smallest range that holds both."""
        return Range(min(self.lo, other.lo), max(self.hi, other.hi))


class Affine(NamedTuple):
    """real = (q - zero_point) * scale.

    scale : float32, real units per step
    zero_point : the step that stands for 0.0, in [-128, 127]
    """

    scale: np.float32
    zero_point: int

    @classmethod
    def of(cls, found: Range) -> Self:
        """Return the parameters of a range, widened and moved so that 0.0 is a step.

        The zero point is computed from the end at which the cancellation is smaller,
        and halves are rounded away from zero. A range of zeros has scale 1.
        Source: LLVM, mlir/lib/Dialect/Quant/Utils/FakeQuantSupport.cpp,
        getNudgedScaleAndZeroPoint and fakeQuantAttrsToType.
        """
        lo, hi = min(found.lo, 0.0), max(found.hi, 0.0)
        if hi - lo < EPSILON:
            return cls(np.float32(1), QMIN)
        scale = (hi - lo) / (QMAX - QMIN)
        low, high = lo / scale, hi / scale
        from_low = abs(QMIN) + abs(low) < abs(QMAX) + abs(high)
        zero = QMIN - low if from_low else QMAX - high
        return cls(np.float32(scale), int(np.clip(round_away(zero), QMIN, QMAX)))

    def quantize(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
        """Return the nearest steps, int8 of the shape of ``x``."""
        steps = round_away(x / self.scale) + np.float32(self.zero_point)
        clamped: npt.NDArray[np.int8] = np.clip(steps, QMIN, QMAX).astype(np.int8)
        return clamped

    def dequantize(self, q: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
        """Return what steps stand for, float32 of the shape of ``q``."""
        return (q.astype(np.int32) - self.zero_point).astype(np.float32) * self.scale


def round_away(x: Any) -> Any:
    """Round halves away from zero, in the dtype of ``x``, as C's `round` does."""
    whole = np.trunc(x)
    # |x - whole| is exact; |x| + 0.5 would round 0.49999997 up.
    return whole + np.copysign(np.abs(x - whole) >= 0.5, x)


def quantize_weights(
    weight: npt.NDArray[np.float32], axis: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Quantize weights as full-integer files have them.

    Returns
    -------
    values : int8 in [-127, 127], of the shape of ``weight``
    scale : (channels,) float32, that of R12

    Notes
    -----
    The scale is R12's, the rounding is not: the float32 product of the weight and the
    float32 inverse of its scale, halves away from zero, where R12 divides in float64.
    Source: the converter's files of EfficientNetV2-B0 and DeepLab-v3; of 9.1 million
    weights R12 gives 12 another value, this none (tests/zoo/test_full_integer.py).
    """
    from qd8.quantize import quantize_weights as dynamic

    _, scale = dynamic(weight, axis=axis)
    along = [1] * weight.ndim
    along[axis] = scale.size
    steps = round_away(weight * (np.float32(1) / scale).reshape(along))
    return np.clip(steps, -127, 127).astype(np.int8), scale


def quantize_bias(
    bias: npt.NDArray[np.float32], scale: npt.NDArray[np.float32]
) -> npt.NDArray[np.int32]:
    """Return int32 sums, rounded as weights are; ``scale`` is that of the products."""
    steps = round_away(bias * (np.float32(1) / scale)).astype(np.float64)
    largest = np.abs(steps).max(initial=0)
    if not largest <= INT32_MAX:
        raise ValueError(f"a bias has {largest:.3g} steps of its scale, beyond int32")
    sums: npt.NDArray[np.int32] = steps.astype(np.int32)
    return sums
