"""NumPy's float32 matrix product, the yardstick that every reader has at hand.

A convolution is the product alone: its patches are laid out beforehand, untimed.
OpenBLAS takes its number of threads from the environment, before NumPy is imported.
"""

import numpy as np

from asv_bench.benchmarks.layers import DepthwiseLayer, Problem
from asv_bench.peers.engine import Engine, Unsupported
from asv_bench.peers.truth import output_shape, patches


def sgemm(data: Problem, threads: int) -> Engine:
    """``np.matmul(rows, weight.T, out=out)``; the bias is added untimed."""
    if isinstance(data.layer, DepthwiseLayer):
        raise Unsupported("a depthwise convolution is no matrix product")
    rows = patches(data, np.float32)
    weight = data.weight.reshape(len(data.weight), -1).T
    out = np.empty((len(rows), weight.shape[1]), np.float32)
    return Engine(
        lambda: np.matmul(rows, weight, out=out),
        lambda: (out + data.bias).reshape(output_shape(data)),
    )
