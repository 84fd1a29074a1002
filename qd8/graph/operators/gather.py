"""GATHER and EMBEDDING_LOOKUP: rows of a table by their index (R37).

A table of int8 rows stays int8; a row is dequantized when it is read (R27), so the
node's scale is a property of its constant, not an option.
"""

from typing import Any

from . import fields
from .operator import (
    INTEGERS,
    STORED,
    Array,
    Arrays,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    kernel,
)

INDICES = Input("indices", dtypes=INTEGERS)
TABLE = Input("params", dtypes=(*STORED, "INT8"), table=True)


def decode(given: Given) -> Options:
    params, indices = given.shapes
    assert indices is not None
    axis = fields.axis(given.options.get("axis", 0), len(params or ()))
    batch = int(given.options.get("batch_dims", 0))
    batch += len(indices) if batch < 0 else 0
    if not 0 <= batch <= min(axis, len(indices)):
        raise ValueError(f"its batch_dims is {batch}, its axis {axis}")
    if given.x[:batch] != indices[:batch]:
        raise ValueError(
            f"its params are {given.x} and its indices {indices}; the first {batch} "
            "extents must be the same"
        )
    return {"axis": axis, "batch_dims": batch}


def shape(given: Given, options: Options) -> Shape:
    axis, batch = options["axis"], options["batch_dims"]
    indices: Any = given.shapes[1]
    return (*given.x[:axis], *indices[batch:], *given.x[axis + 1 :])


def decode_lookup(given: Given) -> Options:
    indices, params = given.shapes
    if indices is None or len(indices) != 1 or not params:
        raise ValueError(f"its ids are {indices} and its values {params}")
    return {}


def rows(given: Given, options: Options) -> Shape:
    indices, params = given.shapes
    return (*(indices or ()), *(params or ())[1:])


def wide(place: int) -> Any:
    """Return the dtype of a table's rows as they are read."""

    def dtype(given: Given, options: Options) -> str:
        found = given.dtypes[place]
        return "FLOAT32" if found == "INT8" else str(found)

    return dtype


def bind_lookup(arrays: Arrays, out: Array, options: Options, threads: int) -> Any:
    indices, params = arrays
    return bind_gather((params, indices), out, options, threads)


bind_gather = kernel("movement.bind_gather")

GATHER = Operator(
    name="GATHER",
    inputs=(TABLE, INDICES),
    reference="gather",
    dtype=wide(0),
    decode=decode,
    shape=shape,
    bind=bind_gather,
)
EMBEDDING_LOOKUP = Operator(
    name="EMBEDDING_LOOKUP",
    inputs=(INDICES, TABLE),
    reference="embedding_lookup",
    dtype=wide(1),
    decode=decode_lookup,
    shape=rows,
    bind=bind_lookup,
)
