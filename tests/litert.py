"""LiteRT as the judge of contract C2: one problem, one model, one answer.

Every problem becomes a flatbuffer of one operator, because XNNPACK takes weights
only as constants. The plain ``Interpreter`` runs float32 and FLOAT16 tensors;
``CompiledModel`` is the only door to QD8-F16 convolution (FORCE_FP16).

Importing this module raises ImportError with a reason where there is no judge:
another machine than x86 with FMA (XNNPACK's kernels without FMA round twice, so
"XNNPACK's bits" are others there) or no ai-edge-litert of the pinned version.
Source: litert-bits §4.6, §4.7, §5.
"""

import atexit
import functools
import importlib.metadata
import os
import platform
import tempfile

import flatbuffers
import numpy as np
import numpy.typing as npt
from llvmlite import binding

from tests.problems import ConvProblem, FullyConnectedProblem

VERSION = "2.3.0"


def _why_no_judge() -> str | None:
    """Say what is missing for LiteRT to be the judge here, if anything is."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return f"the judge is XNNPACK on x86, this is {platform.machine()}"
    if not binding.get_host_cpu_features().get("fma"):
        return "the judge is XNNPACK with FMA, this CPU has none"
    try:
        found = importlib.metadata.version("ai-edge-litert")
    except importlib.metadata.PackageNotFoundError:
        return f"ai-edge-litert {VERSION} is not installed (pip install qd8[test])"
    if found != VERSION:
        return f"the judge is ai-edge-litert {VERSION}, {found} is installed"
    return None


if _why_no_judge():
    raise ImportError(_why_no_judge())

from ai_edge_litert import schema_py_generated as schema  # noqa: E402
from ai_edge_litert.compiled_model import CompiledModel  # noqa: E402
from ai_edge_litert.environment import Environment, EnvironmentOptions  # noqa: E402
from ai_edge_litert.interpreter import Interpreter  # noqa: E402
from ai_edge_litert.options import CpuOptions, Options  # noqa: E402

# QS8 | QU8 | FORCE_FP16. The flags replace the defaults: FORCE_FP16 (0x4) alone
# silently loses the delegation of int8 weights (litert-bits §4.6).
FORCE_FP16 = 0x7

_ACTIVATION = {
    "none": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
    "relu_n1_to_1": schema.ActivationFunctionType.RELU_N1_TO_1,
}
_TENSOR_TYPE = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.float16): schema.TensorType.FLOAT16,
    np.dtype(np.int8): schema.TensorType.INT8,
}


def fully_connected(problem: FullyConnectedProblem, *, threads: int = 1) -> npt.NDArray:
    """Return XNNPACK's (M, N) answer in the dtype of ``problem.x`` (M, K)."""
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = _ACTIVATION[problem.activation]
    options.asymmetricQuantizeInputs = True
    model = _one_operator(
        schema.BuiltinOperator.FULLY_CONNECTED,
        9,
        schema.BuiltinOptions.FullyConnectedOptions,
        options,
        problem,
        (problem.x.shape[0], problem.weight.shape[0]),
        problem.x.dtype,
    )
    return _interpret(model, problem.x, threads)


def conv2d(problem: ConvProblem, *, threads: int = 1) -> npt.NDArray[np.float32]:
    """Return XNNPACK's (N, OH, OW, O) answer to a float32 convolution."""
    return _interpret(_conv_model(problem), problem.x, threads)


def conv2d_force_fp16(problem: ConvProblem) -> npt.NDArray[np.float16]:
    """Return XNNPACK's QD8-F16 answer to a float16 convolution on x86.

    The model is float32; FORCE_FP16 rewrites it. Its float32 output holds
    float16 values, which is asserted rather than rounded away.
    """
    options = Options(cpu_options=CpuOptions(num_threads=1, xnnpack_flags=FORCE_FP16))
    with CompiledModel.from_buffer(
        _conv_model(problem), options=options, environment=_environment()
    ) as compiled:
        if not compiled.is_fully_accelerated():
            raise AssertionError(f"not delegated to XNNPACK: {problem}")
        inputs = compiled.create_input_buffers(0)
        outputs = compiled.create_output_buffers(0)
        inputs[0].write(np.ascontiguousarray(problem.x, np.float32))
        compiled.run_by_index(0, inputs, outputs)
        shape = problem.output_shape
        wide = np.asarray(outputs[0].read(int(np.prod(shape)), np.float32))
        for buffer in (*inputs, *outputs):
            buffer.destroy()
    with np.errstate(over="ignore"):
        half = wide.astype(np.float16)
    if not np.array_equal(half.astype(np.float32), wide, equal_nan=True):
        raise AssertionError(f"output is not float16: QD8-F16 did not run: {problem}")
    return half.reshape(shape)


@functools.cache
def _environment() -> Environment:
    """Return the one LiteRT environment of this process.

    Pointed at a folder without plugins: the wheel's own NPU plugins cannot be loaded
    here and would say so, in three lines, for every model.
    """
    empty = tempfile.mkdtemp(prefix="qd8-no-plugins-")
    atexit.register(os.rmdir, empty)
    return Environment.create(
        options=EnvironmentOptions(
            compiler_plugin_path=empty, dispatch_library_path=empty
        )
    )


def _conv_model(problem: ConvProblem) -> bytes:
    """Write a CONV_2D with float32 activations."""
    if problem.padding not in ("SAME", "VALID"):
        raise ValueError(f"LiteRT has no padding {problem.padding}")
    options = schema.Conv2DOptionsT()
    options.padding = getattr(schema.Padding, problem.padding)
    options.strideH, options.strideW = problem.stride
    options.dilationHFactor, options.dilationWFactor = problem.dilation
    options.fusedActivationFunction = _ACTIVATION[problem.activation]
    return _one_operator(
        schema.BuiltinOperator.CONV_2D,
        5,
        schema.BuiltinOptions.Conv2DOptions,
        options,
        problem,
        problem.output_shape,
        np.dtype(np.float32),
    )


def _one_operator(
    code: int,
    version: int,
    options_type: int,
    options: object,
    problem: FullyConnectedProblem | ConvProblem,
    output_shape: tuple[int, ...],
    dtype: np.dtype,
) -> bytes:
    """Write a model of one operator: x, weight, [bias] -> y."""
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode = operator_code.deprecatedBuiltinCode = code
    operator_code.version = version
    buffers = [schema.BufferT()]
    scale = np.atleast_1d(problem.weight_scale)
    tensors = [
        _tensor("x", problem.x.shape, dtype),
        _constant("weight", problem.weight, buffers, scale),
    ]
    inputs = [0, 1, -1]
    bias = problem.bias
    if bias is None and code == schema.BuiltinOperator.CONV_2D:
        # TFLite refuses a CONV_2D without bias; R14 says what missing means.
        bias = np.zeros(problem.weight.shape[0], np.float32)
    if bias is not None:
        inputs[2] = len(tensors)
        tensors.append(_constant("bias", bias, buffers))
    tensors.append(_tensor("y", output_shape, dtype))
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs, operator.outputs = inputs, [len(tensors) - 1]
    operator.builtinOptions, operator.builtinOptionsType = options, options_type
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, [operator]
    graph.inputs, graph.outputs = [0], [len(tensors) - 1]
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes, model.subgraphs = [operator_code], [graph]
    model.buffers = buffers
    builder = flatbuffers.Builder(problem.weight.nbytes + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(name: str, shape: tuple[int, ...], dtype: np.dtype) -> schema.TensorT:
    """Describe a tensor without data."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), 0
    tensor.type = _TENSOR_TYPE[np.dtype(dtype)]
    return tensor


def _constant(
    name: str,
    values: npt.NDArray,
    buffers: list,
    scale: npt.NDArray[np.float32] | None = None,
) -> schema.TensorT:
    """Describe a constant tensor and append its bytes to ``buffers``."""
    tensor = _tensor(name, values.shape, values.dtype)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    tensor.buffer = len(buffers)
    buffers.append(buffer)
    if scale is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scale
        tensor.quantization.zeroPoint = np.zeros(scale.size, np.int64)
        tensor.quantization.quantizedDimension = 0
    return tensor


def _interpret(model: bytes, x: npt.NDArray, threads: int) -> npt.NDArray:
    """Run a one-operator model and return a copy of its output."""
    interpreter = Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    operators = [detail["op_name"] for detail in interpreter._get_ops_details()]
    if "DELEGATE" not in operators:
        raise AssertionError(f"not delegated to XNNPACK: {operators}")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
