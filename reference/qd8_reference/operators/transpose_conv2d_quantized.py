"""TRANSPOSE_CONV with int8 weights on activations quantized while it runs."""

from collections.abc import Sequence

import numpy as np

from .. import arguments
from ..accumulator import centered, dot, wrap
from ..epilogue import epilogue
from ..float16 import store
from ..quantize import quantize_images
from ..steps import Steps
from ..transposed import transposed_geometry
from ..types import F32, I8, Float, Pair
from ..window import taps_2d


def transpose_conv2d_quantized(
    x: Float,
    weight: I8,
    weight_scale: F32,
    bias: F32 | None = None,
    *,
    output_shape: Sequence[int],
    stride: Pair,
    padding: str,
    activation: str = "none",
) -> Float:
    """Return the transposed convolution of ``x``, quantized per image (R11, R40).

    Parameters
    ----------
    x : (N, H, W, I) float32 or float16
    weight : (O, KH, KW, I) int8
    weight_scale : (O,), (1,) or () float32      positive, normal, finite
    bias : (O,) float32 or None                  finite
    output_shape : (N, OH, OW, O)
        A convolution of such an image with this kernel must give H by W.
    stride : (vertical, horizontal)
    padding : "SAME" or "VALID"
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (N, OH, OW, O) of the dtype of ``x``
        NaN in every output of an image without a finite range (R10).
    """
    return transpose_conv2d_quantized_steps(
        x,
        weight,
        weight_scale,
        bias,
        output_shape=output_shape,
        stride=stride,
        padding=padding,
        activation=activation,
    ).output


def transpose_conv2d_quantized_steps(
    x: Float,
    weight: I8,
    weight_scale: F32,
    bias: F32 | None = None,
    *,
    output_shape: Sequence[int],
    stride: Pair,
    padding: str,
    activation: str = "none",
) -> Steps:
    """Return what ``transpose_conv2d_quantized`` computes on its way, and its output.

    ``zero_point`` and ``scale`` are (N,).
    """
    x = arguments.images("x", x)
    weight = arguments.quantized_weights(weight, rank=4)
    weight_scale = arguments.weight_scales(weight_scale, weight.shape[0])
    bias = arguments.quantized_biases(bias, weight.shape[0])
    shape, geometry, sides = transposed_geometry(
        x.shape, weight.shape, output_shape, stride, padding
    )
    values, zero_point, scale = quantize_images(x)  # R11: also with a 1x1 kernel
    steps = centered(values, zero_point[:, None, None, None])
    sums = np.zeros(shape, np.int64)
    for (ky, kx), read, write in taps_2d(geometry, sides):  # R13, R40
        sums[:, *write] += dot(steps[:, *read], weight[:, ky, kx])
    accumulator = wrap(sums)
    row_scale = scale[:, None, None, None]
    y = epilogue(accumulator, row_scale, weight_scale, bias, activation)  # R14
    return Steps(values, zero_point, scale, accumulator, store(y, x.dtype))  # R15
