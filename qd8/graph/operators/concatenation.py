"""CONCATENATION along one axis."""

from typing import Any

from . import fields
from .operator import (
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
    if len(set(given.dtypes)) != 1:
        raise ValueError(f"its inputs are {given.dtypes}; they must be of one type")
    return {
        "axis": fields.axis(given.options.get("axis", 0), len(given.x)),
        "activation": fields.activation(given, of=given.dtypes[0]),
    }


def shape(given: Given, options: Options) -> Shape:
    axis = options["axis"]
    shapes: Any = given.shapes
    first = shapes[0]
    for other in shapes[1:]:
        if len(other) != len(first) or any(
            m != n
            for i, (m, n) in enumerate(zip(first, other, strict=True))
            if i != axis
        ):
            raise ValueError(
                f"its inputs {first} and {other} differ on another axis than {axis}"
            )
    total = sum(each[axis] for each in shapes)
    return (*first[:axis], total, *first[axis + 1 :])


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    return bind_arrays([list(arrays)], out, options, threads)


bind_arrays = kernel("float_copy.bind_concatenation")

CONCATENATION = Operator(
    name="CONCATENATION",
    inputs=(Input("arrays", dtypes=STORED),),
    variadic=True,
    reference="concatenation",
    decode=decode,
    shape=shape,
    bind=bind,
)
