"""TRANSPOSE_CONV in float."""

from collections.abc import Sequence

from .. import arguments
from ..activation import clamp
from ..chain import bias_first, chain
from ..float16 import store, widen
from ..transposed import transposed_geometry
from ..types import F32, Float, Pair
from ..window import taps_2d


def transpose_conv2d(
    x: Float,
    weight: Float,
    bias: F32 | None = None,
    *,
    output_shape: Sequence[int],
    stride: Pair,
    padding: str,
    activation: str = "none",
) -> Float:
    """Return the transposed convolution of ``x``, one FMA chain per output (R40).

    Parameters
    ----------
    x : (N, H, W, I) float32 or float16
    weight : (O, KH, KW, I) float32 or float16
    bias : (O,) float32 or None
    output_shape : (N, OH, OW, O)
        A convolution of such an image with this kernel must give H by W.
    stride : (vertical, horizontal)
    padding : "SAME" or "VALID"
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (N, OH, OW, O) of the dtype of ``x``
    """
    x = arguments.images("x", x)
    weight = arguments.weights("weight", weight, 4, arguments.FLOATS)
    bias = arguments.biases(bias, weight.shape[0])
    shape, geometry, sides = transposed_geometry(
        x.shape, weight.shape, output_shape, stride, padding
    )
    image, kernel = widen(x), widen(weight)
    sums = bias_first(bias, shape)
    # Where the convolution would read, its transposition writes, and the other way.
    for (ky, kx), read, write in taps_2d(geometry, sides):  # R40
        sums[:, *write] = chain(sums[:, *write], image[:, *read], kernel[:, ky, kx])
    return store(clamp(sums, activation), x.dtype)
