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
from typing import Any

import numpy as np
import numpy.typing as npt

from .enums import enum_name
from .flatbuffer import Bytes, Source, Tables
from .options import read_options
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
_ELEMENTS = {name: np.dtype(numpy) for name, numpy in DTYPES.items()}


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
    (version,) = model.numbers(0, "<u4")
    if version != VERSION:
        raise ValueError(f"{name} has schema version {version}, not {VERSION}")
    codes = _read_codes(model.members(1, "operator code"))
    buffers = _read_buffers(model.members(4, "buffer"))
    tables = model.members(2, "subgraph")
    subgraphs = tuple(
        _read_subgraph(tables[i], i, codes, buffers) for i in range(len(tables))
    )
    if not subgraphs:
        raise ValueError(f"{name} holds no subgraph, so there is nothing to run")
    signatures = _read_signatures(model.members(7, "signature"), subgraphs)
    (text,) = model.strings(3)
    return File(name, version, text, subgraphs, signatures, data, mapped)


def _open(path_or_bytes: Any, name: str) -> tuple[Bytes, str, mmap.mmap | None]:
    """Return the bytes of the file as an array, its name, and its mapping if any."""
    mapped = None
    if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
        name = name or "<bytes>"
        data = np.frombuffer(bytes(path_or_bytes), np.uint8)
    elif isinstance(path_or_bytes, (str, os.PathLike)):
        path = os.fsdecode(path_or_bytes)
        name = name or path
        with open(path, "rb") as file:
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


def _read_codes(tables: Tables) -> list[tuple[str, int]]:
    """Return the name and version of each operator kind."""
    # Codes above 127 do not fit the old int8 field, which then says 127.
    codes = map(max, tables.numbers(0, "<i1"), tables.numbers(3, "<i4"))
    names = [enum_name("BuiltinOperator", code) or f"BUILTIN {code}" for code in codes]
    customs = tables.strings(1)
    return [
        (f"CUSTOM {custom}" if name == "CUSTOM" else name, version)
        for name, custom, version in zip(
            names, customs, tables.numbers(2, "<i4", 1), strict=True
        )
    ]


def _read_buffers(tables: Tables) -> list[tuple[int, int]]:
    """Return where each buffer begins and how many bytes it holds."""
    buffers = [*zip(*tables.vectors(0, 1, charge=False), strict=True)]
    offsets, sizes = tables.numbers(1, "<u8"), tables.numbers(2, "<u8")
    for i, (offset, size) in enumerate(zip(offsets, sizes, strict=True)):
        if offset > 1:
            # Beyond 2 GB a flatbuffer cannot point; the bytes follow it instead.
            tables.source.check(offset, size, tables.what(i))
            buffers[i] = offset, size
    return buffers


def _read_subgraph(
    table: Tables,
    index: int,
    codes: list[tuple[str, int]],
    buffers: list[tuple[int, int]],
) -> Subgraph:
    tensors = _read_tensors(table.members(0, "tensor"), buffers)
    (inputs,) = _indices(table, 1, "input", len(tensors), 0)
    (outputs,) = _indices(table, 2, "output", len(tensors), 0)
    operators = _read_operators(table.members(3, "operator"), codes, len(tensors))
    (name,) = table.strings(4)
    return Subgraph(index, name, tensors, operators, inputs, outputs)


def _read_tensors(tables: Tables, buffers: list[tuple[int, int]]) -> tuple[Tensor, ...]:
    names = tables.strings(3)
    tables.what = lambda i: f"tensor {i} ({names[i]!r})"
    shapes, signatures = tables.integers(0), tables.integers(7)
    kinds = tables.numbers(1, "<i1")
    variable, sparse = tables.numbers(5, "<u1"), tables.present(6)
    said = _read_quantizations(tables, shapes)
    tensors = []
    for i, buffer in enumerate(tables.numbers(2, "<u4")):
        shape = shapes[i]
        if len(shape) > MAX_RANK or min(shape, default=0) < 0:
            raise tables.source.damaged(
                tables.what(i),
                f"its shape is {shape[: MAX_RANK + 1]}; at most {MAX_RANK} extents of "
                "0 and more are needed",
            )
        if buffer and buffer >= len(buffers):
            raise tables.source.damaged(
                tables.what(i), f"it names buffer {buffer} of {len(buffers)}"
            )
        start, size = buffers[buffer] if buffers else (0, 0)
        dtype = enum_name("TensorType", kinds[i]) or f"type {kinds[i]}"
        data: npt.NDArray[Any] | None = None
        if size and (sparse[i] or dtype not in DTYPES):
            data = np.frombuffer(tables.source.data, np.uint8, size, start)
        elif size:
            data = _typed(tables, i, start, size, shape, dtype)
        tensors.append(
            Tensor(
                i,
                names[i],
                shape,
                signatures[i],
                dtype,
                said.get(i),
                data,
                bool(variable[i]),
                sparse[i],
            )
        )
    return tuple(tensors)


def _typed(
    tables: Tables, i: int, start: int, size: int, shape: tuple[int, ...], dtype: str
) -> npt.NDArray[Any]:
    """View the bytes of a buffer as the tensor that they are."""
    element = _ELEMENTS[dtype]
    count = math.prod(shape)
    if size != count * element.itemsize:
        raise tables.source.damaged(
            tables.what(i),
            f"{dtype} of shape {shape} needs {count * element.itemsize} bytes, its "
            f"buffer has {size}",
        )
    found = np.frombuffer(tables.source.data, element, count, start)
    return found.reshape(shape)


def _read_quantizations(
    tensors: Tables, shapes: list[tuple[int, ...]]
) -> dict[int, Quantization]:
    """Return the quantization of each tensor that has scales.

    Without scales a table holds only what training has left: minimum and maximum.
    """
    owners, tables = tensors.children(4, lambda i: f"quantization of {tensors.what(i)}")
    kinds = tables.numbers(4, "<u1")
    scales, zero_points = tables.arrays(2, "<f4"), tables.arrays(3, "<i8")
    axes = tables.numbers(6, "<i4")
    found = {}
    for k, (owner, scale, zero_point) in enumerate(
        zip(owners, scales, zero_points, strict=True)
    ):
        if kinds[k]:
            raise tables.source.damaged(
                tables.what(k),
                f"{enum_name('QuantizationDetails', kinds[k])} quantization is not "
                "supported, only one scale per tensor or per channel",
            )
        if not scale.size:
            continue
        shape, axis = shapes[owner], axes[k]
        wanted = {1, shape[axis]} if 0 <= axis < len(shape) else {1}
        if scale.size not in wanted or zero_point.size not in {0, scale.size}:
            raise tables.source.damaged(
                tables.what(k),
                f"{scale.size} scales and {zero_point.size} zero points on axis {axis} "
                f"of shape {shape}",
            )
        if not zero_point.size:
            zero_point = np.zeros(scale.size, np.int64)
        found[owner] = Quantization(scale, zero_point, axis)
    return found


def _read_operators(
    tables: Tables, codes: list[tuple[str, int]], tensors: int
) -> tuple[Operator, ...]:
    used = tables.numbers(0, "<u4")
    for i, code in enumerate(used):
        if code >= len(codes):
            raise tables.source.damaged(
                tables.what(i), f"it names operator code {code} of {len(codes)}"
            )
    tables.what = lambda i: f"operator {i} ({codes[used[i]][0]})"
    inputs = _indices(tables, 1, "input", tensors, -1)
    outputs = _indices(tables, 2, "output", tensors, 0)
    options = read_options(tables, tables.numbers(3, "<u1"), 4)
    operators = []
    for i, code in enumerate(used):
        op, version = codes[code]
        said = options.get(i, {})
        operators.append(Operator(i, op, version, inputs[i], outputs[i], said))
    return tuple(operators)


def _indices(
    tables: Tables, slot: int, what: str, tensors: int, lowest: int
) -> list[tuple[int, ...]]:
    """Read indices of tensors; -1 (absent) is allowed where ``lowest`` is."""
    found = tables.integers(slot)
    for i, indices in enumerate(found):
        for place, index in enumerate(indices):
            if not lowest <= index < tensors:
                raise tables.source.damaged(
                    tables.what(i), f"its {what} {place} is tensor {index} of {tensors}"
                )
    return found


def _read_signatures(
    tables: Tables, subgraphs: tuple[Subgraph, ...]
) -> tuple[Signature, ...]:
    found = []
    for i, (key, index) in enumerate(
        zip(tables.strings(2), tables.numbers(4, "<u4"), strict=True)
    ):
        if index >= len(subgraphs):
            raise tables.source.damaged(
                tables.what(i), f"it names subgraph {index} of {len(subgraphs)}"
            )
        tensors = len(subgraphs[index].tensors)
        inputs = _read_names(tables[i].members(0, "signature input"), tensors)
        outputs = _read_names(tables[i].members(1, "signature output"), tensors)
        found.append(Signature(key, index, inputs, outputs))
    return tuple(found)


def _read_names(tables: Tables, tensors: int) -> dict[str, int]:
    names = {}
    for i, (name, tensor) in enumerate(
        zip(tables.strings(0), tables.numbers(1, "<u4"), strict=True)
    ):
        if tensor >= tensors:
            raise tables.source.damaged(
                tables.what(i), f"it names tensor {tensor} of {tensors}"
            )
        names[name] = tensor
    return names
