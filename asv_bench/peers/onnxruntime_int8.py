"""onnxruntime: dynamic quantization, and for convolutions static too.

Dynamic is per tensor, uint8. A fully connected layer is the fused
DynamicQuantizeMatMul that its optimizer makes; a convolution is ConvInteger, which is
what `quantize_dynamic` writes and which has no fast kernel. So a convolution is also
run as QLinearConv with scales known beforehand: onnxruntime at its best, with a
quantized output besides.
"""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from asv_bench.benchmarks.layers import ConvLayer, FullyConnectedLayer, Problem
from asv_bench.peers.engine import Array, Engine, Unsupported
from asv_bench.peers.truth import in_float64, output_shape

_OPSETS = (("", 17), ("com.microsoft", 1))


def dynamic(data: Problem, threads: int) -> Engine:
    """Scales are found while the model runs."""
    if isinstance(data.layer, FullyConnectedLayer):
        return _fully_connected(data, threads)
    channels = (1, -1, 1, 1)
    constants = {
        "w": _oihw(data.values),
        "w_zero": np.zeros((), np.int8),
        "w_scale": data.scale.reshape(channels),
        "bias": data.bias.reshape(channels),
    }
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node(
            "ConvInteger", ["q", "w", "zero", "w_zero"], ["acc"], **_conv(data.layer)
        ),
        helper.make_node("Cast", ["acc"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["scale", "w_scale"], ["both"]),
        helper.make_node("Mul", ["real", "both"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["y"]),
    ]
    return _convolution(data, threads, nodes, constants)


def static(data: Problem, threads: int) -> Engine:
    """Scales are known beforehand, from this very input and output."""
    if isinstance(data.layer, FullyConnectedLayer):
        raise Unsupported("dynamic is its best for a fully connected layer")
    x_scale, x_zero = _asymmetric(data.x)
    y_scale, y_zero = _asymmetric(in_float64(data))
    bias = np.rint(data.bias / (x_scale * data.scale)).astype(np.int32)
    constants = {"x_scale": x_scale, "x_zero": x_zero, "w": _oihw(data.values)}
    constants |= {"w_scale": data.scale, "w_zero": np.zeros(data.scale.size, np.int8)}
    constants |= {"y_scale": y_scale, "y_zero": y_zero, "bias": bias}
    given = ["q", "x_scale", "x_zero", "w", "w_scale", "w_zero"]
    given += ["y_scale", "y_zero", "bias"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["q"]),
        helper.make_node("QLinearConv", given, ["acc"], **_conv(data.layer)),
        helper.make_node("DequantizeLinear", ["acc", "y_scale", "y_zero"], ["y"]),
    ]
    return _convolution(data, threads, nodes, constants)


def _fully_connected(data: Problem, threads: int) -> Engine:
    constants = {"w": np.ascontiguousarray(data.values.T), "w_scale": data.scale}
    constants["bias"] = data.bias
    given = ["x", "w", "w_scale", "", "bias"]
    node = helper.make_node(
        "DynamicQuantizeMatMul", given, ["y"], domain="com.microsoft"
    )
    return _session(data.x, output_shape(data), threads, [node], constants)


def _convolution(data: Problem, threads: int, nodes, constants) -> Engine:
    """NCHW, as onnx has it; the input is transposed beforehand, the output after."""
    _, OH, OW, O = output_shape(data)
    x = np.ascontiguousarray(data.x.transpose(0, 3, 1, 2))
    engine = _session(x, (1, O, OH, OW), threads, nodes, constants)
    return engine._replace(output=lambda: engine.output().transpose(0, 2, 3, 1))


def _session(
    x: Array, shape: tuple[int, ...], threads: int, nodes, constants
) -> Engine:
    """Bound input and output, so that nothing is copied while it is timed."""
    graph = helper.make_graph(
        nodes,
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in constants.items()
        ],
    )
    opsets = [helper.make_opsetid(*opset) for opset in _OPSETS]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    y = np.empty(shape, np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output("y", "cpu", 0, np.float32, shape, y.ctypes.data)
    return Engine(lambda: session.run_with_iobinding(binding), y.copy)


def _conv(layer: ConvLayer) -> dict[str, list[int]]:
    (top, bottom), (left, right) = layer.padding
    return {
        "pads": [top, left, bottom, right],
        "strides": [layer.stride] * 2,
        "dilations": [layer.dilation] * 2,
        "kernel_shape": list(layer.kernel),
    }


def _oihw(weight: Array) -> Array:
    return np.ascontiguousarray(weight.transpose(0, 3, 1, 2))


def _asymmetric(values: Array) -> tuple[np.float32, np.uint8]:
    """Scale and zero point of uint8 that cover the values, and 0."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = (high - low) / 255
    return np.float32(scale), np.uint8(round(-low / scale))
