"""ncnn's int8 convolution, with the input's scale known beforehand.

With its defaults ncnn takes Winograd F(4,3) for 3x3 of stride 1 where it has one: fast,
and wrong beyond what its 16-bit products hold (its own tool gives such layers 6 bits).
F(2,3) is exact.
"""

import os
import struct
import tempfile

import ncnn
import numpy as np

from asv_bench.benchmarks.layers import FullyConnectedLayer, Problem
from asv_bench.peers.engine import Engine, Unsupported

_INT8 = struct.pack("<I", 0x000D4B38)  # ncnn modelbin.cpp: int8 data follows


def fastest(data: Problem, threads: int) -> Engine:
    """With ncnn's defaults."""
    return _convolution(data, threads, winograd43=True)


def exact(data: Problem, threads: int) -> Engine:
    """With F(2,3) where the default is F(4,3)."""
    layer = data.layer
    if isinstance(layer, FullyConnectedLayer):
        raise Unsupported("int8 convolution only")
    if (layer.kernel, layer.stride, layer.dilation) != ((3, 3), 1, 1):
        raise Unsupported("Winograd is for 3x3 of stride 1")
    return _convolution(data, threads, winograd43=False)


def _convolution(data: Problem, threads: int, winograd43: bool) -> Engine:
    layer = data.layer
    if isinstance(layer, FullyConnectedLayer):
        raise Unsupported("int8 convolution only")
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_winograd43_convolution = winograd43
    KH, KW = layer.kernel
    (top, bottom), (left, right) = layer.padding
    # ncnn, docs/developer-guide/operators.md, Convolution
    options = f"0={layer.O} 1={KW} 11={KH} 2={layer.dilation} 3={layer.stride} "
    options += f"4={left} 15={right} 14={top} 16={bottom} "
    options += f"5=1 6={data.values.size} 8=1"
    net.load_param_mem(
        "7767517\n2 2\n"
        f"Input x 0 1 x 0={layer.H} 1={layer.H} 2={layer.C}\n"
        f"Convolution layer 1 1 x y {options}\n"
    )
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(_weights(data))
    try:
        if net.load_model(file.name):
            raise RuntimeError(f"ncnn does not load {layer.name}")
    finally:
        os.unlink(file.name)
    image = np.ascontiguousarray(data.x[0].transpose(2, 0, 1))
    x = ncnn.Mat(image).clone()  # a Mat of an array does not keep the array alive
    last = []

    def invoke() -> None:
        extractor = net.create_extractor()
        extractor.input("x", x)
        last[:] = extractor.extract("y")

    return Engine(invoke, lambda: np.array(last[1]).transpose(1, 2, 0)[None].copy())


def _weights(data: Problem) -> bytes:
    """Weights, bias, then scales as ncnn means them: steps per real unit."""
    values = np.ascontiguousarray(data.values.transpose(0, 3, 1, 2)).tobytes()
    scales = np.float32([127 / np.abs(data.x).max()])
    return b"".join(
        (
            _INT8,
            values,
            b"\0" * (-len(values) % 4),
            data.bias.tobytes(),
            (1 / data.scale).astype(np.float32).tobytes(),
            scales.tobytes(),
        )
    )
