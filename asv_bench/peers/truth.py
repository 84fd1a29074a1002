"""The layer in float64, from the float weights: what quantization is measured by."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from asv_bench.benchmarks.layers import DepthwiseLayer, FullyConnectedLayer, Problem
from asv_bench.benchmarks.litert import output_shape

__all__ = ["in_float64", "output_shape", "patches", "sqnr"]


def patches(data: Problem, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the rows of the layer's matrix product: (M, K), or (OH * OW, KH*KW*C)."""
    layer = data.layer
    if isinstance(layer, FullyConnectedLayer):
        return data.x.astype(dtype)
    KH, KW = layer.kernel
    padded = np.pad(data.x[0].astype(dtype), (*layer.padding, (0, 0)))
    extent = (layer.OH - 1) * layer.stride + 1
    taps = [
        padded[
            layer.dilation * i : layer.dilation * i + extent : layer.stride,
            layer.dilation * j : layer.dilation * j + extent : layer.stride,
        ]
        for i in range(KH)
        for j in range(KW)
    ]
    return np.concatenate(taps, axis=2).reshape(layer.OH * layer.OH, -1)


def in_float64(data: Problem) -> npt.NDArray[np.float64]:
    """Return the answer in float64: (M, N), or (1, OH, OW, O)."""
    if isinstance(data.layer, DepthwiseLayer):
        return _depthwise(data, data.layer)
    weight = data.weight.reshape(len(data.weight), -1).astype(np.float64)
    y = patches(data, np.float64) @ weight.T + data.bias
    return y.reshape(output_shape(data))


def _depthwise(data: Problem, layer: DepthwiseLayer) -> npt.NDArray[np.float64]:
    padded = np.pad(data.x[0].astype(np.float64), (*layer.dense.padding, (0, 0)))
    windows = sliding_window_view(padded, layer.kernel, axis=(0, 1))
    windows = windows[:: layer.stride, :: layer.stride]
    y = np.einsum("hwcij,cij->hwc", windows, data.weight[..., 0].astype(np.float64))
    return y[None] + data.bias


def sqnr(truth: npt.NDArray[np.float64], y: npt.NDArray[Any]) -> float:
    """10 log10 (sum of truth^2 / sum of errors^2), in dB."""
    noise = float(np.sum((y - truth) ** 2))
    return 10 * math.log10(float(np.sum(truth**2)) / noise)
