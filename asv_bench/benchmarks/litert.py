"""A layer as a `.tflite` file of one operator, run by LiteRT with or without XNNPACK.

Written here once more (tests/litert.py is the judge's writer), because this folder
must run beside versions of qd8 that had neither. Weights are constants: XNNPACK packs
only those.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import flatbuffers
import numpy as np
import numpy.typing as npt

from .layers import ConvLayer, DepthwiseLayer, FullyConnectedLayer, Problem


class Interpreted(NamedTuple):
    """invoke : runs the layer, and nothing else; output : a copy of its result."""

    invoke: Callable[[], None]
    output: Callable[[], npt.NDArray[np.float32]]


def interpreter(data: Problem, threads: int, delegate: bool = True) -> Interpreted:
    """Return LiteRT with the layer in it, its input set.

    Raises
    ------
    ImportError
        If ai-edge-litert is not installed.
    RuntimeError
        If XNNPACK does not take the layer although ``delegate`` is asked for.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = (
        OpResolverType.AUTO
        if delegate
        else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    with quiet():
        litert = Interpreter(
            model_content=write(data),
            num_threads=threads,
            experimental_op_resolver_type=resolver,
        )
        litert.allocate_tensors()
    ran = [detail["op_name"] for detail in litert._get_ops_details()]
    if delegate != ("DELEGATE" in ran):
        raise RuntimeError(f"LiteRT runs {data.layer.name} as {ran}")
    (given,), (made,) = litert.get_input_details(), litert.get_output_details()
    litert.set_tensor(given["index"], data.x)
    return Interpreted(litert.invoke, lambda: litert.get_tensor(made["index"]))


def write(data: Problem) -> bytes:
    """Return a model of one operator, float32 or dynamically quantized."""
    from ai_edge_litert import schema_py_generated as schema

    layer = data.layer
    operator_code = schema.OperatorCodeT()
    if isinstance(layer, FullyConnectedLayer):
        code, operator_code.version = schema.BuiltinOperator.FULLY_CONNECTED, 9
        kind = schema.BuiltinOptions.FullyConnectedOptions
        options = schema.FullyConnectedOptionsT()
        options.asymmetricQuantizeInputs = layer.precision == "int8"
    elif isinstance(layer, DepthwiseLayer):
        code, operator_code.version = schema.BuiltinOperator.DEPTHWISE_CONV_2D, 1
        kind = schema.BuiltinOptions.DepthwiseConv2DOptions
        options = _depthwise_options(schema, layer)
    else:
        code, operator_code.version = schema.BuiltinOperator.CONV_2D, 5
        kind = schema.BuiltinOptions.Conv2DOptions
        options = _conv_options(schema, layer)
    operator_code.builtinCode = operator_code.deprecatedBuiltinCode = code
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, 2], [3]
    operator.builtinOptions, operator.builtinOptionsType = options, kind
    graph = schema.SubGraphT()
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [3]
    constants, type_ = (data.values, data.bias), schema.TensorType.INT8
    if layer.precision == "float32":
        type_ = schema.TensorType.FLOAT32
        constants = kernel(data), data.bias
    graph.tensors = [
        _tensor(schema, "x", data.x.shape, schema.TensorType.FLOAT32, 0),
        _tensor(schema, "weight", constants[0].shape, type_, 1),
        _tensor(schema, "bias", data.bias.shape, schema.TensorType.FLOAT32, 2),
        _tensor(schema, "y", output_shape(data), schema.TensorType.FLOAT32, 0),
    ]
    if layer.precision == "int8":
        quantization = schema.QuantizationParametersT()
        quantization.scale = data.scale
        quantization.zeroPoint = np.zeros(data.scale.size, np.int64)
        quantization.quantizedDimension = 0
        graph.tensors[1].quantization = quantization
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [operator_code], [graph]
    model.buffers = [schema.BufferT() for _ in range(3)]
    for buffer, array in zip(model.buffers[1:], constants, strict=True):
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
    builder = flatbuffers.Builder(constants[0].nbytes + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def kernel(data: Problem) -> npt.NDArray[np.float32]:
    """The float32 weights as LiteRT has them; depthwise ones are (1, KH, KW, C)."""
    if isinstance(data.layer, DepthwiseLayer):
        return np.ascontiguousarray(data.weight.transpose(3, 1, 2, 0))
    return data.weight


def output_shape(data: Problem) -> tuple[int, ...]:
    """(M, N), or (1, OH, OW, O)."""
    layer = data.layer
    if isinstance(layer, FullyConnectedLayer):
        return layer.M, layer.N
    if isinstance(layer, DepthwiseLayer):
        layer = layer.dense
    return 1, layer.OH, layer.OH, layer.O


def _conv_options(schema, layer: ConvLayer):
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = layer.stride
    options.dilationHFactor = options.dilationWFactor = layer.dilation
    return options


def _depthwise_options(schema, layer: DepthwiseLayer):
    options = schema.DepthwiseConv2DOptionsT()
    options.padding, options.depthMultiplier = schema.Padding.SAME, 1
    options.strideH = options.strideW = layer.stride
    options.dilationHFactor = options.dilationWFactor = 1
    return options


def _tensor(schema, name: str, shape: tuple[int, ...], type_: int, buffer: int):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = (
        name,
        list(shape),
        type_,
        buffer,
    )
    return tensor


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what C++ says on file descriptor 2, past sys.stderr, out of reports."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
