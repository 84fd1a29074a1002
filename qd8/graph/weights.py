"""int8 weights: which quantizations of a file mean something here."""

import numpy as np

from qd8 import tflite

from .constants import Stored
from .graph import Tensor

# The smallest normal float32 (R14), and where a weight of -128 would overflow.
SMALLEST_SCALE = float(np.finfo(np.float32).tiny)
LARGEST_SCALE = float(np.finfo(np.float32).max) / 128


def check_weight(tensor: Tensor, said: tflite.Tensor, axis: int | None) -> Tensor:
    """Return the int8 tensor with its scale, or refuse its quantization.

    Parameters
    ----------
    tensor : Tensor
        The constant.
    said : tflite.Tensor
        What the file says about it.
    axis : int or None
        The axis of output channels, along which scales may differ; None allows any.

    Raises
    ------
    ValueError
        If a scale is not positive, normal and finite, or scales and zero points
        are not those of symmetric weights.
    """
    quantization = said.quantization
    if quantization is None:
        raise ValueError(f"{said} is INT8 but has no scale")
    scale = quantization.scale.astype(np.float32)
    # No comparison with NaN is true.
    if not (scale.min() >= SMALLEST_SCALE and scale.max() <= LARGEST_SCALE):
        bad = ~((scale >= SMALLEST_SCALE) & (scale <= LARGEST_SCALE))
        channel = int(np.argmax(bad))
        raise ValueError(
            f"{said} has scale {scale[channel]} in channel {channel}; a number from "
            f"{SMALLEST_SCALE:.3g} to {LARGEST_SCALE:.3g} is needed"
        )
    zeros = bool(quantization.zero_point.any())
    if axis is not None and zeros:
        channel = int(np.argmax(quantization.zero_point != 0))
        raise ValueError(
            f"{said} has zero point {quantization.zero_point[channel]} in channel "
            f"{channel}; weights need 0"
        )
    if zeros and np.abs(quantization.zero_point).max() > 128:
        raise ValueError(f"{said} has zero points outside int8")
    if scale.size > 1 and axis is not None and quantization.axis != axis:
        raise ValueError(
            f"{said} has one scale for each index of axis {quantization.axis}; its "
            f"output channels are axis {axis}"
        )
    if tensor.data is None:
        return tensor  # computed: its type is refused elsewhere
    constant = Stored(tensor.data, scale)
    return Tensor(tensor.name, tensor.shape, tensor.dtype, constant)
