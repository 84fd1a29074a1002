"""Quantization of weights: the bytes that TensorFlow's converter writes (R12)."""

from typing import NamedTuple

import numpy as np

from . import arguments
from .environment import require_ieee754
from .types import F32, F64, I8

# The converter widens a range below 1e-6 to [-5e-7, 5e-7]; so a channel of zeros has a
# scale that is positive and normal, as every quantized operator needs.
SMALLEST_RANGE = 5e-7


class QuantizedWeights(NamedTuple):
    """Weights in int8.

    values : int8, of the weights' shape, in [-127, 127]
    scale : (channels,) or, per tensor, (1,) float32     real units per step
    """

    values: I8
    scale: F32


def quantize_weights(
    weight: F32, *, axis: int = 0, per: str = "channel"
) -> QuantizedWeights:
    """Quantize weights symmetrically, each output channel by its largest magnitude.

    Parameters
    ----------
    weight : float32, finite, of any shape of at least one dimension
    axis : int
        The axis of output channels: 0 for fully connected (N, K) and convolution
        (O, KH, KW, I), 3 for depthwise convolution (1, KH, KW, C).
    per : "channel" or "tensor"

    Raises
    ------
    TypeError
        If ``weight`` is no float32 array.
    ValueError
        If it is empty or not finite, or ``axis`` or ``per`` name nothing.

    Notes
    -----
    Source: R12, found by comparing what TensorFlow 2.21's converter writes with its
    float input. Multiplying by ``127 / largest`` differs at ties.
    """
    require_ieee754()
    weight = arguments.array("weight", weight, [np.float32])
    if weight.ndim == 0 or weight.size == 0:
        raise ValueError(f"weight has shape {weight.shape}; it must hold something")
    if not np.isfinite(weight).all():
        raise ValueError("weight holds NaN or infinity; it must be finite")
    if per not in ("channel", "tensor"):
        raise ValueError(f"per is {per!r}; it must be 'channel' or 'tensor'")
    if not arguments.is_integer(axis) or not 0 <= axis < weight.ndim:
        raise ValueError(f"axis is {axis!r}; it must be in 0..{weight.ndim - 1}")

    others = tuple(i for i in range(weight.ndim) if per == "tensor" or i != axis)
    largest = np.abs(weight).max(axis=others, keepdims=True).astype(np.float64)
    step = np.maximum(largest, SMALLEST_RANGE) / 127  # R12, in float64
    values = round_half_away(weight / step)
    return QuantizedWeights(values.astype(np.int8), step.astype(np.float32).reshape(-1))


def round_half_away(x: F64) -> F64:
    """Return the nearest integer, halves away from zero, as C's ``round`` does."""
    whole = np.trunc(x)
    # x - whole is exact; floor(|x| + 0.5) would round 0.49999999999999994 up.
    return whole + np.copysign(np.abs(x - whole) >= 0.5, x)
