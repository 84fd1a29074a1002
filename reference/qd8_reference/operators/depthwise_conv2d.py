"""DEPTHWISE_CONV_2D in float. Its int8 weights are dequantized at load (R30)."""

import numpy as np

from .. import arguments
from ..activation import clamp
from ..chain import bias_first
from ..float16 import store, widen
from ..fma import fma
from ..types import F32, Float, Padding, Pair
from ..window import output_size, resolve_padding, taps_2d


def depthwise_conv2d(
    x: Float,
    weight: Float,
    bias: F32 | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = "SAME",
    dilation: Pair = (1, 1),
    activation: str = "none",
) -> Float:
    """Return each channel convolved with its own kernels, one FMA chain each (R20).

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16
    weight : (1, KH, KW, C * multiplier) float32 or float16
        Output channel o reads input channel ``o // multiplier``.
    bias : (C * multiplier,) float32 or None
    stride, dilation : (vertical, horizontal)
    padding : "SAME", "VALID" or ((top, bottom), (left, right))
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (N, OH, OW, C * multiplier) of the dtype of ``x``
    """
    x = arguments.images("x", x)
    weight = arguments.weights("weight", weight, 4, arguments.FLOATS)
    stride = arguments.pair("stride", stride)
    dilation = arguments.pair("dilation", dilation)
    one, kh, kw, outputs = weight.shape
    if one != 1 or outputs % x.shape[3]:
        raise ValueError(
            f"weight is {weight.shape} but must be (1, KH, KW, C * multiplier); "
            f"x has C = {x.shape[3]}"
        )
    bias = arguments.biases(bias, outputs)
    geometry = x.shape[1:3], (kh, kw), stride, dilation
    sides = resolve_padding(padding, *geometry)

    image = np.repeat(widen(x), outputs // x.shape[3], axis=3)
    kernel = widen(weight)[0]
    sums = bias_first(bias, (x.shape[0], *output_size(*geometry, sides), outputs))
    for (ky, kx), write, read in taps_2d(geometry, sides):  # R20: taps outside skipped
        sums[:, *write] = fma(image[:, *read], kernel[ky, kx], sums[:, *write])
    return store(clamp(sums, activation), x.dtype)
