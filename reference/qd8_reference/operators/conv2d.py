"""CONV_2D with int8 weights on activations quantized while it runs."""

import numpy as np

from .. import arguments
from ..accumulator import centered, dot, wrap
from ..epilogue import epilogue
from ..float16 import store
from ..quantize import quantize_images, quantize_rows
from ..steps import Steps
from ..types import F32, F64, I8, I32, Float, Geometry, Padding, Pair
from ..window import output_size, resolve_padding, taps_2d


def conv2d(
    x: Float,
    weight: I8,
    weight_scale: F32,
    bias: F32 | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = "SAME",
    dilation: Pair = (1, 1),
    groups: int = 1,
    activation: str = "none",
    f16_scale: str = "exact",
) -> Float:
    """Return the convolution of ``x``, quantized per image or per pixel (R11).

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16
    weight : (O, KH, KW, C / groups) int8
    weight_scale : (O,), (1,) or () float32      positive, normal, finite
    bias : (O,) float32 or None                  finite
    stride, dilation : (vertical, horizontal)
    padding : "SAME", "VALID" or ((top, bottom), (left, right))
    groups : int
        Output channel o reads the channels of group o // (O / groups).
    activation : "none", "relu", "relu6" or "relu_n1_to_1"
    f16_scale : "exact" or, for float16 only, "xnnpack"
        R16. Without effect where R11 quantizes per pixel.

    Returns
    -------
    (N, OH, OW, O) of the dtype of ``x``
        NaN in every output of an image (pixel) without a finite range (R10).

    Raises
    ------
    TypeError, ValueError
        For what is not as said above.
    """
    return conv2d_steps(
        x,
        weight,
        weight_scale,
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        activation=activation,
        f16_scale=f16_scale,
    ).output


def conv2d_steps(
    x: Float,
    weight: I8,
    weight_scale: F32,
    bias: F32 | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = "SAME",
    dilation: Pair = (1, 1),
    groups: int = 1,
    activation: str = "none",
    f16_scale: str = "exact",
) -> Steps:
    """Return what ``conv2d`` computes on its way, and its output.

    ``zero_point`` and ``scale`` are (N,), or (N, H, W) where R11 quantizes per pixel.
    """
    x = arguments.images("x", x)
    weight = arguments.quantized_weights(weight, rank=4)
    stride = arguments.pair("stride", stride)
    dilation = arguments.pair("dilation", dilation)
    groups = arguments.groups(groups, x.shape[3], weight.shape)
    channels, kh, kw = weight.shape[:3]
    weight_scale = arguments.weight_scales(weight_scale, channels)
    bias = arguments.quantized_biases(bias, channels)
    if f16_scale not in ("exact", "xnnpack"):
        raise ValueError(f"f16_scale is {f16_scale!r}; it must be 'exact' or 'xnnpack'")
    if f16_scale == "xnnpack" and x.dtype != np.float16:
        raise ValueError(f"f16_scale='xnnpack' needs float16, but x is {x.dtype}")
    geometry = x.shape[1:3], (kh, kw), stride, dilation
    sides = resolve_padding(padding, *geometry)

    per_pixel = (
        (kh, kw) == (1, 1)
        and stride == (1, 1)
        and sides == ((0, 0), (0, 0))
        and groups == 1
        and (x.shape[3], channels) != (1, 1)
    )
    if per_pixel:  # R11: a fully connected over pixels
        values, zero_point, scale = quantize_rows(x)
        row_scale = scale[..., None]
        row_zero_point = zero_point[..., None]
    else:
        f16_multiplier = f16_scale == "xnnpack"  # R16
        values, zero_point, scale = quantize_images(x, f16_multiplier=f16_multiplier)
        row_scale = scale[:, None, None, None]
        row_zero_point = zero_point[:, None, None, None]

    accumulator = _accumulate(
        centered(values, row_zero_point), weight, geometry, sides, groups
    )
    y = epilogue(accumulator, row_scale, weight_scale, bias, activation)  # R14
    return Steps(values, zero_point, scale, accumulator, store(y, x.dtype))  # R15


def _accumulate(
    steps: F64, weight: I8, geometry: Geometry, sides: tuple[Pair, Pair], groups: int
) -> I32:
    """R13: sum over the taps inside the image; outside, a tap contributes 0."""
    channels, inputs = weight.shape[0] // groups, weight.shape[3]
    shape = (steps.shape[0], *output_size(*geometry, sides), weight.shape[0])
    sums = np.zeros(shape, np.int64)
    for (ky, kx), outputs, reads in taps_2d(geometry, sides):
        seen = steps[:, *reads]
        for group in range(groups):
            read = slice(group * inputs, (group + 1) * inputs)
            write = slice(group * channels, (group + 1) * channels)
            products = dot(seen[..., read], weight[write, ky, kx])
            sums[:, *outputs, write] += products
    return wrap(sums)
