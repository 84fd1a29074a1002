"""Run any one TFLite operator in LiteRT. For recording and checking, never in tests.

The tests of the reference need NumPy alone; this needs ai-edge-litert.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TENSOR_TYPE = {
    np.dtype(name): getattr(schema.TensorType, name.upper())
    for name in ("float32", "float16", "int8", "uint8", "int32", "int64", "bool")
}


class Constant:
    """An input that the file holds, with the scale of an int8 one."""

    def __init__(
        self,
        values: npt.ArrayLike,
        scale: npt.NDArray[Any] | None = None,
        axis: int = 0,
    ) -> None:
        self.values = np.asarray(values)
        self.scale = scale
        self.axis = axis


def run(
    name: str,
    inputs: Sequence[Any],
    outputs: Sequence[tuple[tuple[int, ...], npt.DTypeLike]],
    options: Mapping[str, Any] | None = None,
    *,
    options_name: str | None = None,
    version: int = 1,
    delegate: bool = True,
) -> tuple[list[npt.NDArray[Any]], bool]:
    """Return the outputs of one operator, and whether XNNPACK computed them.

    Parameters
    ----------
    name : TFLite's name, "STRIDED_SLICE"
    inputs : arrays, given when it runs; Constants; None where one is absent
    outputs : (shape, dtype) of each
    options : fields of the options table, under the schema's names
    options_name : of the table, "StridedSlice"; None where the operator has none
    delegate : False keeps TFLite's own kernels
    """
    buffers, tensors, places, fed = [schema.BufferT()], [], [], []
    for i, given in enumerate(inputs):
        if given is None:
            places.append(-1)
            continue
        values = given.values if isinstance(given, Constant) else given
        tensor = _tensor(f"x{i}", values.shape, values.dtype)
        if isinstance(given, Constant):
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(buffers)
            buffers.append(buffer)
            if given.scale is not None:
                parameters = schema.QuantizationParametersT()
                parameters.scale = np.atleast_1d(given.scale)
                parameters.zeroPoint = np.zeros(np.size(given.scale), np.int64)
                parameters.quantizedDimension = given.axis
                tensor.quantization = parameters
        else:
            fed.append((len(tensors), values))
        places.append(len(tensors))
        tensors.append(tensor)
    made = range(len(tensors), len(tensors) + len(outputs))
    tensors += [_tensor(f"y{i}", *output) for i, output in enumerate(outputs)]

    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs, operator.outputs = places, list(made)
    if options_name:
        table = getattr(schema, f"{options_name}OptionsT")()
        for field, value in (options or {}).items():
            assert hasattr(table, field), field
            setattr(table, field, value)
        operator.builtinOptions = table
        operator.builtinOptionsType = getattr(
            schema.BuiltinOptions, f"{options_name}Options"
        )
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, [operator]
    graph.inputs, graph.outputs = [i for i, _ in fed], list(made)
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes, model.subgraphs, model.buffers = [code], [graph], buffers
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")

    resolver = (
        OpResolverType.AUTO
        if delegate
        else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter = Interpreter(
        model_content=bytes(builder.Output()),
        num_threads=1,
        experimental_op_resolver_type=resolver,
    )
    interpreter.allocate_tensors()
    kinds = [detail["op_name"] for detail in interpreter._get_ops_details()]
    for i, values in fed:
        interpreter.set_tensor(i, values)
    interpreter.invoke()
    return [interpreter.get_tensor(i) for i in made], "DELEGATE" in kinds


def _tensor(name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> schema.TensorT:
    """Describe a tensor without data."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), 0
    tensor.type = TENSOR_TYPE[np.dtype(dtype)]
    return tensor
