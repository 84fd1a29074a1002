"""SPLIT into equal parts, SPLIT_V into given ones (R36)."""

from typing import Any

from . import fields
from .operator import (
    ANY_X,
    INTEGERS,
    Arrays,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    kernel,
)

AXIS = Input("axis", dtypes=INTEGERS, constant=True, option=True)
SIZES = Input("sizes", dtypes=INTEGERS, constant=True, option=True)


def decode(given: Given) -> Options:
    axis = fields.axis(fields.one(given, "axis"), len(given.x))
    num = int(given.options.get("num_splits", 0)) or given.count
    if num < 1 or given.x[axis] % num:
        raise ValueError(f"it splits axis {axis} of {given.x} into {num} equal parts")
    return {"num": num, "axis": axis}


def shapes(given: Given, options: Options) -> list[Shape]:
    axis, num = options["axis"], options["num"]
    if num != given.count:  # said here, before a list of any length is made
        raise ValueError(f"it has {given.count} outputs; {num} are needed")
    return [_part(given.x, axis, given.x[axis] // num)] * num


def decode_v(given: Given) -> Options:
    axis = fields.axis(fields.one(given, "axis"), len(given.x))
    sizes = list(fields.needed(given, "sizes"))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = given.x[axis] - sum(sizes) - 1
    if any(n < 0 for n in sizes) or sum(sizes) != given.x[axis]:
        raise ValueError(f"it splits axis {axis} of {given.x} into parts of {sizes}")
    return {"sizes": tuple(sizes), "axis": axis}


def shapes_v(given: Given, options: Options) -> list[Shape]:
    return [_part(given.x, options["axis"], size) for size in options["sizes"]]


def _part(x: Shape, axis: int, size: int) -> Shape:
    return (*x[:axis], size, *x[axis + 1 :])


def bind(arrays: Arrays, outs: Any, options: Options, threads: int) -> list[Any]:
    axis = options["axis"]
    parts = {"axis": axis, "sizes": tuple(out.shape[axis] for out in outs)}
    return bind_parts(arrays, outs, parts, threads)


bind_parts = kernel("movement.bind_split")

SPLIT = Operator(
    name="SPLIT",
    inputs=(AXIS, ANY_X),
    reference="split",
    several=True,
    decode=decode,
    shape=shapes,
    bind=bind,
)
SPLIT_V = Operator(
    name="SPLIT_V",
    inputs=(ANY_X, SIZES, AXIS),
    reference="split_v",
    several=True,
    decode=decode_v,
    shape=shapes_v,
    bind=bind,
)
