"""Read a `.tflite` file into the records of `schema`.

Data comes from a path, which is mapped into memory, or from bytes; constants stay
views into it. What is checked here is that the file says one consistent thing:
that every index exists and every constant has the bytes its shape needs. Whether
qd8 can run what it says is decided in `qd8.graph`.

Slot numbers are the order of fields in schema.fbs (a union counts twice).
Source: tensorflow/lite/schema/schema.fbs, file identifier TFL3, version 3.
"""

import math
import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .flatbuffer import Bytes, Source, Table
from .options import enum_name, read_options
from .schema import (
    DTYPES,
    File,
    Operator,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
)

IDENTIFIER = b"TFL3"
VERSION = 3
MAX_RANK = 8  # TFLite's kernels stop at 5 or 6


def read(path_or_bytes: str | os.PathLike[str] | bytes, name: str = "") -> File:
    """Read a file; refuse one that contradicts itself.

    Parameters
    ----------
    path_or_bytes : path or bytes
        A path is mapped, not copied: the file must not change while it is used.
    name : str, optional
        What errors call the file; the path, or ``<bytes>``.

    Returns
    -------
    File

    Raises
    ------
    ValueError
        If this is no `.tflite` file, or a length, an offset, an index, a shape or
        a quantization in it cannot be true.
    """
    data, name, mapped = _open(path_or_bytes, name)
    source = Source(data, name)
    found = data[4:8].tobytes()
    if found != IDENTIFIER:
        raise ValueError(
            f"{name} is not a .tflite file: its bytes 4 to 8 are {found!r}, "
            f"not {IDENTIFIER!r}"
        )
    model = source.root()
    version = model.number(0, "<u4")
    if version != VERSION:
        raise ValueError(f"{name} has schema version {version}, not {VERSION}")
    codes = [_read_code(table) for table in model.tables(1, "operator code")]
    buffers = [_read_buffer(table) for table in model.tables(4, "buffer")]
    subgraphs = tuple(
        _read_subgraph(table, i, codes, buffers)
        for i, table in enumerate(model.tables(2, "subgraph"))
    )
    if not subgraphs:
        raise ValueError(f"{name} holds no subgraph, so there is nothing to run")
    signatures = tuple(
        _read_signature(table, subgraphs) for table in model.tables(7, "signature")
    )
    text = model.string(3)
    return File(name, version, text, subgraphs, signatures, data, mapped)


def _open(path_or_bytes: Any, name: str) -> tuple[Bytes, str, mmap.mmap | None]:
    """Return the bytes of the file as an array, its name, and its mapping if any."""
    mapped = None
    if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
        name = name or "<bytes>"
        data = np.frombuffer(bytes(path_or_bytes), np.uint8)
    elif isinstance(path_or_bytes, (str, os.PathLike)):
        path = Path(path_or_bytes)
        name = name or str(path)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise ValueError(f"{name} is empty, not a .tflite file")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        data = np.frombuffer(mapped, np.uint8)
    else:
        raise TypeError(
            f"a path or bytes are needed, not {type(path_or_bytes).__name__}"
        )
    if data.size < 8:
        raise ValueError(f"{name} has {data.size} bytes: not a .tflite file")
    return data, name, mapped


def _read_code(table: Table) -> tuple[str, int]:
    """Return the name and version of an operator kind."""
    # Codes above 127 do not fit the old int8 field, which then says 127.
    code = max(table.number(0, "<i1"), table.number(3, "<i4"))
    name = enum_name("BuiltinOperator", code) or f"BUILTIN {code}"
    if name == "CUSTOM":
        name = f"CUSTOM {table.string(1)}"
    return name, table.number(2, "<i4", 1)


def _read_buffer(table: Table) -> Bytes | None:
    """View the bytes of a buffer, None if it holds none."""
    data = table.vector(0, "u1", charge=False)
    offset, size = table.number(1, "<u8"), table.number(2, "<u8")
    if offset > 1:
        # Beyond 2 GB a flatbuffer cannot point; the bytes follow it instead.
        data = table.source.array(offset, size, "u1", table.what)
    return data if data.size else None


def _read_subgraph(
    table: Table,
    index: int,
    codes: list[tuple[str, int]],
    buffers: list[Bytes | None],
) -> Subgraph:
    tensors = tuple(
        _read_tensor(entry, i, buffers)
        for i, entry in enumerate(table.tables(0, "tensor"))
    )
    inputs = _indices(table, 1, "input", len(tensors), 0)
    outputs = _indices(table, 2, "output", len(tensors), 0)
    operators = tuple(
        _read_operator(entry, i, codes, len(tensors))
        for i, entry in enumerate(table.tables(3, "operator"))
    )
    return Subgraph(index, table.string(4), tensors, operators, inputs, outputs)


def _read_tensor(table: Table, index: int, buffers: list[Bytes | None]) -> Tensor:
    code = table.number(1, "<i1")
    dtype = enum_name("TensorType", code) or f"type {code}"
    table.what = f"tensor {index} ({table.string(3)!r})"
    shape = tuple(table.vector(0, "<i4").tolist())
    if len(shape) > MAX_RANK or any(n < 0 for n in shape):
        raise table.source.damaged(
            table.what,
            f"its shape is {shape[: MAX_RANK + 1]}; at most {MAX_RANK} extents of 0 "
            "and more are needed",
        )
    buffer = table.number(2, "<u4")
    if buffer and buffer >= len(buffers):
        raise table.source.damaged(
            table.what, f"it names buffer {buffer} of {len(buffers)}"
        )
    is_sparse = table.target(6) is not None
    raw = buffers[buffer] if buffers else None
    data = raw if is_sparse else _typed(raw, shape, dtype, table)
    said = table.table(4, f"quantization of {table.what}")
    return Tensor(
        index=index,
        name=table.string(3),
        shape=shape,
        shape_signature=tuple(table.vector(7, "<i4").tolist()),
        dtype=dtype,
        quantization=None if said is None else _read_quantization(said, shape),
        data=data,
        is_variable=bool(table.number(5, "u1")),
        is_sparse=is_sparse,
    )


def _typed(
    raw: Bytes | None, shape: tuple[int, ...], dtype: str, table: Table
) -> npt.NDArray[Any] | None:
    """View raw bytes as the tensor they are."""
    if raw is None or dtype not in DTYPES:
        return raw
    element = np.dtype(DTYPES[dtype])
    needed = math.prod(shape) * element.itemsize
    if raw.size != needed:
        raise table.source.damaged(
            table.what,
            f"{dtype} of shape {shape} needs {needed} bytes, its buffer has {raw.size}",
        )
    return raw.view(element).reshape(shape)


def _read_quantization(table: Table, shape: tuple[int, ...]) -> Quantization | None:
    scale = table.vector(2, "<f4")
    zero_point = table.vector(3, "<i8")
    if table.number(4, "u1"):
        raise table.source.damaged(
            table.what,
            f"{enum_name('QuantizationDetails', table.number(4, 'u1'))} quantization "
            "is not supported, only one scale per tensor or per channel",
        )
    if not scale.size:
        return None  # only min and max, left from training
    axis = table.number(6, "<i4")
    wanted = {1, shape[axis]} if 0 <= axis < len(shape) else {1}
    if scale.size not in wanted or zero_point.size not in {0, scale.size}:
        raise table.source.damaged(
            table.what,
            f"{scale.size} scales and {zero_point.size} zero points on axis {axis} "
            f"of shape {shape}",
        )
    if not zero_point.size:
        zero_point = np.zeros(scale.size, np.int64)
    return Quantization(scale, zero_point, axis)


def _read_operator(
    table: Table, index: int, codes: list[tuple[str, int]], tensors: int
) -> Operator:
    code = table.number(0, "<u4")
    if code >= len(codes):
        raise table.source.damaged(
            table.what, f"it names operator code {code} of {len(codes)}"
        )
    op, version = codes[code]
    table.what = f"operator {index} ({op})"
    return Operator(
        index=index,
        op=op,
        version=version,
        inputs=_indices(table, 1, "input", tensors, -1),
        outputs=_indices(table, 2, "output", tensors, 0),
        options=read_options(table, table.number(3, "u1"), 4),
    )


def _indices(
    table: Table, slot: int, what: str, tensors: int, lowest: int
) -> tuple[int, ...]:
    """Read indices of tensors; -1 (absent) is allowed where ``lowest`` is."""
    found = tuple(table.vector(slot, "<i4").tolist())
    for place, index in enumerate(found):
        if not lowest <= index < tensors:
            raise table.source.damaged(
                table.what,
                f"its {what} {place} is tensor {index} of {tensors}",
            )
    return found


def _read_signature(table: Table, subgraphs: tuple[Subgraph, ...]) -> Signature:
    index = table.number(4, "<u4")
    if index >= len(subgraphs):
        raise table.source.damaged(
            table.what, f"it names subgraph {index} of {len(subgraphs)}"
        )
    tensors = len(subgraphs[index].tensors)
    return Signature(
        key=table.string(2),
        subgraph=index,
        inputs=_read_names(table.tables(0, "signature input"), tensors),
        outputs=_read_names(table.tables(1, "signature output"), tensors),
    )


def _read_names(tables: Iterable[Table], tensors: int) -> dict[str, int]:
    names = {}
    for table in tables:
        tensor = table.number(1, "<u4")
        if tensor >= tensors:
            raise table.source.damaged(
                table.what, f"it names tensor {tensor} of {tensors}"
            )
        names[table.string(0)] = tensor
    return names
