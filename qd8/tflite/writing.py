"""Write the records of `schema` as a `.tflite` file; `read` returns the same records.

A flatbuffer says where things are by offsets that point forwards. So the tables are
built first, with a hole for each place of a constant, and the constants follow them:
they stream from their arrays, and a file costs no memory beyond its tables. The
holes are filled when it is known how long the tables are.

An offset in a flatbuffer reaches 2 GB. Where constants need more, they lie behind the
flatbuffer, found by Buffer.offset and size.
Source: tensorflow/lite/schema/schema.fbs, tables Buffer and Model.
"""

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

from qd8.terminal import written

from .read import IDENTIFIER, VERSION
from .schema import DTYPES, File, Operator, Quantization, Signature, Subgraph, Tensor
from .write_options import write_options

ALIGNMENT = 16  # what the schema asks of Buffer.data
LARGEST_FLATBUFFER = 2**31 - 1
# What tools that stop at 2 GB are told by. Source: the converter's files.
OUTSIDE = ("buffer_location", b"outside flatbuffers")
UNKNOWN = 2**32 - 1  # in a hole until it is filled; 0 would be left out


def write(file: File, path: str | os.PathLike[str]) -> None:
    """Write a file; it is there whole or not at all.

    Parameters
    ----------
    file : File
        ``data`` and ``name`` are not written, nor are sparsity and custom options,
        which records do not hold.
    path : path

    Raises
    ------
    ValueError
        If the records contradict themselves or the schema.
    NotImplementedError
        If they hold something that would be lost.
    OSError
        If the file cannot be written.
    """
    with written(Path(path)) as temporary, temporary.open("wb") as out:
        for chunk in _chunks(file, LARGEST_FLATBUFFER):
            out.write(chunk)


def serialize(file: File) -> bytes:
    """Return what `write` would write."""
    return b"".join(_chunks(file, LARGEST_FLATBUFFER))


@dataclass
class _Constant:
    """Bytes that will follow the tables, and the hole that says where.

    hole : the place of its offset, counted from the end of the tables
    """

    data: npt.NDArray[Any]
    hole: int = 0


def _chunks(file: File, largest: int) -> Iterator[bytes | memoryview]:
    """Yield the file in pieces: its tables, then each constant behind its padding."""
    constants = [_Constant(np.empty(0, np.uint8))]  # buffer 0 is empty by convention
    places = [
        [_place(tensor, constants) for tensor in s.tensors] for s in file.subgraphs
    ]
    # Every constant costs at most its padding and its length besides its bytes.
    size = sum(each.data.nbytes + 2 * ALIGNMENT for each in constants)
    outside = size > largest
    head = bytearray(_tables(file, places, constants, outside))
    if len(head) + size > largest and not outside:
        outside = True
        head = bytearray(_tables(file, places, constants, outside))
    layout = struct.Struct("<Q" if outside else "<I")
    at = _aligned(len(head), outside)
    for each in constants:
        if not each.data.size:
            continue
        hole = len(head) - each.hole
        layout.pack_into(head, hole, at if outside else at - hole)
        at = _aligned(at + 4 * (not outside) + each.data.nbytes, outside)
    yield bytes(head)
    end = len(head)
    for each in constants:
        if not each.data.size:
            continue
        at = _aligned(end, outside)
        length = b"" if outside else struct.pack("<I", each.data.nbytes)
        yield bytes(at - end) + length
        # A byte view: no copy of what lies in memory as it will lie in the file.
        raw = np.ascontiguousarray(each.data)
        yield memoryview(raw.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        end = at + len(length) + raw.nbytes


def _aligned(end: int, outside: bool) -> int:
    """Return where what follows ``end`` begins, so that its bytes are aligned.

    Inside a flatbuffer four bytes of length stand before them.
    """
    before = 0 if outside else 4
    return -(-(end + before) // ALIGNMENT) * ALIGNMENT - before


def _place(tensor: Tensor, constants: list[_Constant]) -> int:
    """Return the buffer of a tensor, 0 if it has none, noting its bytes."""
    if tensor.is_sparse:
        raise NotImplementedError(f"{tensor} is sparse, which cannot be written")
    if tensor.data is None or not tensor.data.size:
        return 0
    dtype = DTYPES.get(tensor.dtype)
    data = tensor.data
    if dtype and (data.shape != tensor.shape or data.dtype != np.dtype(dtype)):
        raise ValueError(
            f"{tensor} is {tensor.dtype} {tensor.shape} but its data is "
            f"{data.dtype} {data.shape}"
        )
    constants.append(_Constant(data))
    return len(constants) - 1


def _tables(
    file: File, places: list[list[int]], constants: list[_Constant], outside: bool
) -> bytes:
    """Return the flatbuffer without its constants, noting the holes."""
    b = flatbuffers.Builder(1 << 16)
    kinds = {(op.op, op.version): 0 for s in file.subgraphs for op in s.operators}
    codes = [_code(b, *kind) for kind in kinds]
    kinds = {kind: i for i, kind in enumerate(kinds)}
    buffers = [_buffer(b, each, outside) for each in constants]
    metadata = []
    if outside:
        name, said = OUTSIDE
        fields = {"Name": b.CreateString(name), "Buffer": len(buffers)}
        buffers.append(_table(b, "Buffer", {"Data": b.CreateByteVector(said)}))
        metadata.append(_table(b, "Metadata", fields))
    subgraphs = [
        _subgraph(b, subgraph, where, kinds)
        for subgraph, where in zip(file.subgraphs, places, strict=True)
    ]
    model = {
        "Version": VERSION,
        "OperatorCodes": _offsets(b, codes),
        "Subgraphs": _offsets(b, subgraphs),
        "Description": b.CreateString(file.description),
        "Buffers": _offsets(b, buffers),
    }
    if metadata:
        model["Metadata"] = _offsets(b, metadata)
    if file.signatures:
        signatures = [_signature(b, signature) for signature in file.signatures]
        model["SignatureDefs"] = _offsets(b, signatures)
    b.Finish(_table(b, "Model", model), IDENTIFIER)
    return bytes(b.Output())


def _table(b: flatbuffers.Builder, name: str, fields: Mapping[str, Any]) -> int:
    """Write one table with the functions that flatc generates."""
    getattr(tflite, f"{name}Start")(b)
    for key, value in fields.items():
        getattr(tflite, f"{name}Add{key}")(b, value)
    return int(getattr(tflite, f"{name}End")(b))


def _offsets(b: flatbuffers.Builder, entries: Sequence[int]) -> int:
    b.StartVector(4, len(entries), 4)
    for entry in reversed(entries):
        b.PrependUOffsetTRelative(entry)
    return int(b.EndVector())


def _integers(b: flatbuffers.Builder, values: Sequence[int]) -> int:
    return int(b.CreateNumpyVector(np.array(values, np.int32)))


def _code(b: flatbuffers.Builder, op: str, version: int) -> int:
    code = getattr(tflite.BuiltinOperator, op, None)
    if not isinstance(code, int) or op == "CUSTOM":
        raise NotImplementedError(f"{op} is no operator of TFLite's own")
    # The old field has 8 bits; readers take the larger of the two.
    fields = {"DeprecatedBuiltinCode": min(code, 127), "Version": version}
    return _table(b, "OperatorCode", fields | {"BuiltinCode": code})


def _buffer(b: flatbuffers.Builder, constant: _Constant, outside: bool) -> int:
    """Write the table of a constant with a hole where its offset will be."""
    if not constant.data.size:
        return _table(b, "Buffer", {})
    tflite.BufferStart(b)
    if outside:
        tflite.BufferAddSize(b, constant.data.nbytes)
        tflite.BufferAddOffset(b, UNKNOWN)
    else:
        # Slot 0 is the offset of Buffer.data: in the file a number of 4 bytes.
        b.PrependUint32Slot(0, UNKNOWN, 0)
    constant.hole = int(b.Offset())
    return int(tflite.BufferEnd(b))


def _subgraph(
    b: flatbuffers.Builder,
    subgraph: Subgraph,
    places: list[int],
    kinds: Mapping[tuple[str, int], int],
) -> int:
    tensors = [
        _tensor(b, tensor, place)
        for tensor, place in zip(subgraph.tensors, places, strict=True)
    ]
    operators = [_operator(b, operator, kinds) for operator in subgraph.operators]
    fields = {
        "Tensors": _offsets(b, tensors),
        "Inputs": _integers(b, subgraph.inputs),
        "Outputs": _integers(b, subgraph.outputs),
        "Operators": _offsets(b, operators),
        "Name": b.CreateString(subgraph.name),
    }
    return _table(b, "SubGraph", fields)


def _tensor(b: flatbuffers.Builder, tensor: Tensor, place: int) -> int:
    kind = getattr(tflite.TensorType, tensor.dtype, None)
    if kind is None:
        raise NotImplementedError(f"{tensor} is {tensor.dtype}, no type of TFLite")
    fields = {
        "Name": b.CreateString(tensor.name),
        "Shape": _integers(b, tensor.shape),
        "Type": kind,
        "Buffer": place,
        "IsVariable": tensor.is_variable,
    }
    if tensor.shape_signature:
        fields["ShapeSignature"] = _integers(b, tensor.shape_signature)
    if tensor.quantization is not None:
        fields["Quantization"] = _quantization(b, tensor.quantization)
    return _table(b, "Tensor", fields)


def _quantization(b: flatbuffers.Builder, quantization: Quantization) -> int:
    fields = {
        "Scale": b.CreateNumpyVector(quantization.scale.astype("<f4")),
        "ZeroPoint": b.CreateNumpyVector(quantization.zero_point.astype("<i8")),
        "QuantizedDimension": quantization.axis,
    }
    return _table(b, "QuantizationParameters", fields)


def _operator(
    b: flatbuffers.Builder, operator: Operator, kinds: Mapping[tuple[str, int], int]
) -> int:
    fields = {
        "OpcodeIndex": kinds[operator.op, operator.version],
        "Inputs": _integers(b, operator.inputs),
        "Outputs": _integers(b, operator.outputs),
    }
    try:
        kind, options = write_options(b, operator.op, operator.options)
    except ValueError as error:
        raise ValueError(f"{operator}: {error}") from None
    if kind:
        fields |= {"BuiltinOptionsType": kind, "BuiltinOptions": options}
    return _table(b, "Operator", fields)


def _signature(b: flatbuffers.Builder, signature: Signature) -> int:
    maps = []
    for edges in (signature.inputs, signature.outputs):
        entries = [
            _table(b, "TensorMap", {"Name": b.CreateString(name), "TensorIndex": i})
            for name, i in edges.items()
        ]
        maps.append(_offsets(b, entries))
    fields = {
        "Inputs": maps[0],
        "Outputs": maps[1],
        "SignatureKey": b.CreateString(signature.key),
        "SubgraphIndex": signature.subgraph,
    }
    return _table(b, "SignatureDef", fields)
