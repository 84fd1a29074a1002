"""Depthwise convolution in float: one FMA chain over the taps (R20)."""

import numpy as np
import numpy.typing as npt

from qd8.kernels import launch
from qd8.kernels.boxes import contiguous_strides
from qd8.kernels.float_arguments import Float
from qd8.kernels.float_pack import PackedDepthwise, pack_depthwise_conv2d
from qd8.kernels.float_window import bind_window
from qd8.kernels.float_window_bands import Window
from qd8.kernels.float_window_operators import DEPTHWISE
from qd8.kernels.strided_copy import bind_box
from qd8.kernels.tail import Tail
from qd8.kernels.windows import Pair, Sides


def bind_depthwise_conv2d(
    x: Float,
    weight: Float | PackedDepthwise,
    bias: npt.NDArray[np.float32] | None,
    out: Float,
    *,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    activation: str,
    threads: int,
    tail: Tail | None = None,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C * m) of ``x`` (N, H, W, C).

    Parameters
    ----------
    weight : (1, KH, KW, C * m) float32 or float16
        Or from ``pack_depthwise_conv2d``. Output channel c * m + j reads channel c.
    bias : (C * m,) float32 or None
    padding : ((top, bottom), (left, right)), resolved
    tail : what is done to ``out`` besides
    """
    if out.size == 0:
        return []
    if not isinstance(weight, PackedDepthwise):
        weight = pack_depthwise_conv2d(weight)
    taps, channels = weight
    calls = []
    if channels != x.shape[3]:
        x, calls = _repeated(x, channels, threads)
    biases = np.zeros(taps.shape[2], np.float32)
    if bias is not None:
        biases[:channels] = bias
    window = Window(taps.shape[:2], stride, padding, dilation)
    return calls + bind_window(
        DEPTHWISE, x, taps, biases, out, window,
        activation=activation, threads=threads, tail=tail,
    )  # fmt: skip


def _repeated(x: Float, channels: int, threads: int):
    """``x`` with each channel as often as it has outputs, and the calls for it."""
    wide = np.empty((*x.shape[:3], channels), x.dtype)
    shape = (x.size, channels // x.shape[3])
    strides = contiguous_strides(shape)
    return wide, bind_box(x, wide, shape, (1, 0), strides, threads=threads)
