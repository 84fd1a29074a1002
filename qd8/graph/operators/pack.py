"""PACK: arrays side by side along a new axis; UNPACK: the other way (R36)."""

from typing import Any

from . import fields
from .operator import (
    ANY_X,
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


def decode(given: Given) -> Options:
    if len(set(given.shapes)) != 1 or len(set(given.dtypes)) != 1:
        raise ValueError(
            f"its inputs are {given.shapes} of {given.dtypes}; they must be alike"
        )
    rank = len(given.x) + 1  # of the output, where the axis is
    return {"axis": fields.axis(given.options.get("axis", 0), rank)}


def packed(given: Given, options: Options) -> Shape:
    axis = options["axis"]
    return (*given.x[:axis], len(given.shapes), *given.x[axis:])


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    return bind_arrays([list(arrays)], out, options, threads)


bind_arrays = kernel("movement.bind_pack")


def decode_unpack(given: Given) -> Options:
    axis = fields.axis(given.options.get("axis", 0), len(given.x))
    num = int(given.options.get("num", given.x[axis]))
    if num != given.x[axis] or num != given.count:
        raise ValueError(
            f"it has {given.count} outputs and num {num}; its input is {given.x}, "
            f"with {given.x[axis]} elements along axis {axis}"
        )
    return {"axis": axis}


def unpacked(given: Given, options: Options) -> list[Shape]:
    axis = options["axis"]
    return [given.x[:axis] + given.x[axis + 1 :]] * given.count


PACK = Operator(
    name="PACK",
    inputs=(Input("arrays", dtypes=STORED),),
    variadic=True,
    reference="pack",
    decode=decode,
    shape=packed,
    bind=bind,
)
UNPACK = Operator(
    name="UNPACK",
    inputs=(ANY_X,),
    reference="unpack",
    several=True,
    decode=decode_unpack,
    shape=unpacked,
    bind=kernel("movement.bind_unpack"),
)
