"""CONV_2D in float."""

from .. import arguments
from ..activation import clamp
from ..chain import bias_first, chain
from ..float16 import store, widen
from ..types import F32, Float, Padding, Pair
from ..window import output_size, resolve_padding, taps_2d


def conv2d_float(
    x: Float,
    weight: Float,
    bias: F32 | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = "SAME",
    dilation: Pair = (1, 1),
    groups: int = 1,
    activation: str = "none",
) -> Float:
    """Return the convolution of ``x``, one FMA chain per output (R20).

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16
    weight : (O, KH, KW, C / groups) float32 or float16
    bias : (O,) float32 or None
    stride, dilation : (vertical, horizontal)
    padding : "SAME", "VALID" or ((top, bottom), (left, right))
    groups : int
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (N, OH, OW, O) of the dtype of ``x``
    """
    x = arguments.images("x", x)
    weight = arguments.weights("weight", weight, 4, arguments.FLOATS)
    stride = arguments.pair("stride", stride)
    dilation = arguments.pair("dilation", dilation)
    groups = arguments.groups(groups, x.shape[3], weight.shape)
    outputs, kh, kw, inputs = weight.shape
    bias = arguments.biases(bias, outputs)
    geometry = x.shape[1:3], (kh, kw), stride, dilation
    sides = resolve_padding(padding, *geometry)

    image, kernel, channels = widen(x), widen(weight), outputs // groups
    sums = bias_first(bias, (x.shape[0], *output_size(*geometry, sides), outputs))
    for (ky, kx), write, read in taps_2d(geometry, sides):  # R20: taps outside skipped
        seen = image[:, *read]
        for group in range(groups):
            source = slice(group * inputs, (group + 1) * inputs)
            target = slice(group * channels, (group + 1) * channels)
            sums[:, *write, target] = chain(
                sums[:, *write, target], seen[..., source], kernel[target, ky, kx]
            )
    return store(clamp(sums, activation), x.dtype)
