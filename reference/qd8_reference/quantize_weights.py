"""Quantization of weights: the bytes that TensorFlow's converter writes (R12)."""

from typing import NamedTuple

import numpy as np

from . import arguments
from .environment import require_ieee754
from .types import F32, F64, I8


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
    Source: R12, found by comparing converter output with its float twin.
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
    largest = np.abs(weight).max(axis=others, keepdims=True)
    scale = largest / np.float32(127)
    steps_per_unit = 127.0 / np.where(largest == 0, 1, largest).astype(np.float64)
    values = round_half_away(weight.astype(np.float64) * steps_per_unit)
    return QuantizedWeights(
        np.clip(values, -127, 127).astype(np.int8), scale.reshape(-1)
    )


def round_half_away(x: F64) -> F64:
    """Return the nearest integer, halves away from zero, as C's ``round`` does."""
    whole = np.trunc(x)
    # x - whole is exact; floor(|x| + 0.5) would round 0.49999999999999994 up.
    return whole + np.copysign(np.abs(x - whole) >= 0.5, x)
