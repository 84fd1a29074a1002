"""OpenVINO's int8 convolution, with the input's scale known beforehand.

The graph is NHWC between two transposes: OpenVINO drops them for its own layout, and
is faster than with an NCHW input (measured, Xeon with AMX).
"""

import numpy as np
import openvino
from openvino import opset13 as ops

from asv_bench.benchmarks.layers import FullyConnectedLayer, Problem
from asv_bench.peers.engine import Engine, Unsupported


def convolution(data: Problem, threads: int) -> Engine:
    """`InferRequest.infer` alone, on a shared input tensor.

    Raises
    ------
    RuntimeError
        If OpenVINO does not run the convolution in int8.
    """
    if isinstance(data.layer, FullyConnectedLayer):
        raise Unsupported("int8 convolution only")
    compiled = openvino.Core().compile_model(
        _model(data),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # who pins is `measure`
            "INFERENCE_PRECISION_HINT": "f32",  # not bfloat16 around the int8
        },
    )
    for node in compiled.get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        if info["layerType"].astype(str) == "Convolution":
            precision = info["runtimePrecision"].astype(str)
            if precision not in ("i8", "u8"):
                raise RuntimeError(f"OpenVINO runs {data.layer.name} in {precision}")
    request = compiled.create_infer_request()
    x = np.ascontiguousarray(data.x)
    request.set_input_tensor(openvino.Tensor(x, shared_memory=True))
    return Engine(request.infer, lambda: request.get_output_tensor().data.copy())


def _model(data: Problem) -> openvino.Model:
    layer = data.layer
    largest = np.float32(np.abs(data.x).max())
    ends = -largest * np.float32(128 / 127), largest
    x = ops.parameter(data.x.shape, np.float32, name="x")
    quantized = ops.fake_quantize(
        ops.transpose(x, np.int64([0, 3, 1, 2])), *ends, *ends, 256
    )
    values = ops.constant(np.ascontiguousarray(data.values.transpose(0, 3, 1, 2)))
    scale = ops.constant(data.scale.reshape(-1, 1, 1, 1))
    weight = ops.multiply(ops.convert(values, np.float32), scale)
    (top, bottom), (left, right) = layer.padding
    product = ops.convolution(
        quantized,
        weight,
        [layer.stride] * 2,
        [top, left],
        [bottom, right],
        [layer.dilation] * 2,
    )
    biased = ops.add(product, ops.constant(data.bias.reshape(1, -1, 1, 1)))
    y = ops.transpose(biased, np.int64([0, 2, 3, 1]))
    return openvino.Model([y], [x], layer.name)
