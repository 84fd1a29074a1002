"""Write small `.tflite` files for tests, with the accessors that `read` avoids.

`write` takes tensors and calls as plain records, wrong ones included: it checks
nothing, so that tests can say what a file must not say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite


@dataclass
class T:
    """A tensor; ``data`` makes it a constant, ``scale`` quantizes it."""

    shape: Sequence[int]
    dtype: str = "FLOAT32"
    data: Any = None
    scale: Any = None
    zero_point: Any = None
    axis: int = 0
    name: str | None = None
    outside: bool = False  # its bytes behind the flatbuffer, as files beyond 2 GB do
    shape_signature: Sequence[int] | None = None


@dataclass
class Op:
    """A call; ``options`` are TFLite's names in CamelCase, enums as numbers."""

    op: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str = ""  # the options table, where its name is not <Op>Options


OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "RESHAPE": "ReshapeOptions",
    "CONCATENATION": "ConcatenationOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "PACK": "PackOptions",
    "UNPACK": "UnpackOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SQUEEZE": "SqueezeOptions",
    "GATHER": "GatherOptions",
    "ONE_HOT": "OneHotOptions",
    "CAST": "CastOptions",
    "SHAPE": "ShapeOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "ARG_MAX": "ArgMaxOptions",
    "CUMSUM": "CumsumOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "GELU": "GeluOptions",
    "DIV": "DivOptions",
}
# Where LiteRT knows no version 1.
VERSIONS = {"BROADCAST_TO": 2}


def write(
    tensors: Sequence[T],
    calls: Sequence[Op],
    inputs: Sequence[int],
    outputs: Sequence[int],
    signature: tuple[Mapping[str, int], Mapping[str, int]] | None = None,
    version: int = 3,
) -> bytes:
    """Return the bytes of a file with one subgraph."""
    sizes = [np.asarray(t.data).nbytes for t in tensors if t.outside]
    # Offsets count from the start of the file, so its own length must be known:
    # numbers have a fixed width, so a first try with zeros tells.
    length = len(_write(tensors, calls, inputs, outputs, signature, version, 2))
    start = -(-length // 16) * 16
    data = _write(tensors, calls, inputs, outputs, signature, version, start)
    if not sizes:
        return data
    tail = b"".join(np.asarray(t.data).tobytes() for t in tensors if t.outside)
    return data.ljust(start, b"\0") + tail


def _write(tensors, calls, inputs, outputs, signature, version, start) -> bytes:
    b = flatbuffers.Builder(1024)
    names = sorted({call.op for call in calls})
    codes = [_code(b, name, VERSIONS.get(name, 1)) for name in names]
    buffers = [_buffer(b, None)]
    entries = []
    for i, t in enumerate(tensors):
        place = 0
        if t.data is not None:
            place = len(buffers)
            outside = start if t.outside else None
            buffers.append(_buffer(b, t.data, outside))
            start += np.asarray(t.data).nbytes if t.outside else 0
        entries.append(_tensor(b, t, i, place))
    ops = [_operator(b, call, names.index(call.op)) for call in calls]
    parts = {
        "Tensors": _offsets(b, entries),
        "Inputs": b.CreateNumpyVector(np.array(inputs, np.int32)),
        "Outputs": b.CreateNumpyVector(np.array(outputs, np.int32)),
        "Operators": _offsets(b, ops),
    }
    subgraph = _table(b, "SubGraph", parts)
    model = {
        "Version": version,
        "OperatorCodes": _offsets(b, codes),
        "Subgraphs": _offsets(b, [subgraph]),
        "Buffers": _offsets(b, buffers),
    }
    if signature:
        model["SignatureDefs"] = _offsets(b, [_signature(b, *signature)])
    b.Finish(_table(b, "Model", model), b"TFL3")
    return bytes(b.Output())


def _table(b: flatbuffers.Builder, name: str, fields: Mapping[str, Any]) -> int:
    """Write one table with the functions that flatc generates."""
    getattr(tflite, f"{name}Start")(b)
    for key, value in fields.items():
        getattr(tflite, f"{name}Add{key}")(b, value)
    return getattr(tflite, f"{name}End")(b)


def _offsets(b: flatbuffers.Builder, entries: Sequence[int]) -> int:
    b.StartVector(4, len(entries), 4)
    for entry in reversed(entries):
        b.PrependUOffsetTRelative(entry)
    return b.EndVector()


def _code(b: flatbuffers.Builder, name: str, version: int) -> int:
    code = getattr(tflite.BuiltinOperator, name)
    fields = {"DeprecatedBuiltinCode": min(code, 127), "Version": version}
    return _table(b, "OperatorCode", fields | {"BuiltinCode": code})


def _buffer(b: flatbuffers.Builder, data: Any, outside: int | None = None) -> int:
    if data is None:
        return _table(b, "Buffer", {})
    raw = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
    if outside is not None:
        return _table(b, "Buffer", {"Offset": outside, "Size": raw.size})
    return _table(b, "Buffer", {"Data": b.CreateNumpyVector(raw)})


def _tensor(b: flatbuffers.Builder, t: T, index: int, place: int) -> int:
    fields = {
        "Name": b.CreateString(f"t{index}" if t.name is None else t.name),
        "Shape": b.CreateNumpyVector(np.array(t.shape, np.int32)),
        "Type": getattr(tflite.TensorType, t.dtype),
        "Buffer": place,
    }
    if t.shape_signature is not None:
        signature = np.array(t.shape_signature, np.int32)
        fields["ShapeSignature"] = b.CreateNumpyVector(signature)
    if t.scale is not None:
        scale = np.atleast_1d(np.array(t.scale, np.float32))
        zero_point = np.zeros(scale.size) if t.zero_point is None else t.zero_point
        quantization = {
            "Scale": b.CreateNumpyVector(scale),
            "ZeroPoint": b.CreateNumpyVector(np.atleast_1d(zero_point).astype("<i8")),
            "QuantizedDimension": t.axis,
        }
        fields["Quantization"] = _table(b, "QuantizationParameters", quantization)
    return _table(b, "Tensor", fields)


def _operator(b: flatbuffers.Builder, call: Op, code: int) -> int:
    fields = {
        "OpcodeIndex": code,
        "Inputs": b.CreateNumpyVector(np.array(call.inputs, np.int32)),
        "Outputs": b.CreateNumpyVector(np.array(call.outputs, np.int32)),
    }
    name = call.table or OPTIONS.get(call.op, "")
    if name:
        options = dict(call.options)
        for key, value in options.items():
            if isinstance(value, (list, tuple)):
                options[key] = b.CreateNumpyVector(np.array(value, np.int32))
        fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, name)
        fields["BuiltinOptions"] = _table(b, name, options)
    return _table(b, "Operator", fields)


def _signature(
    b: flatbuffers.Builder, inputs: Mapping[str, int], outputs: Mapping[str, int]
) -> int:
    maps = []
    for edges in (inputs, outputs):
        entries = [
            _table(b, "TensorMap", {"Name": b.CreateString(name), "TensorIndex": i})
            for name, i in edges.items()
        ]
        maps.append(_offsets(b, entries))
    fields = {"Inputs": maps[0], "Outputs": maps[1]}
    key = {"SignatureKey": b.CreateString("serving_default")}
    return _table(b, "SignatureDef", fields | key)
