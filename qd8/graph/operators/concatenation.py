"""CONCATENATION along one axis."""

from typing import Any

from . import fields
from .operator import Array, Arrays, Given, Input, Operator, Options, Shape, kernel


def decode(given: Given) -> Options:
    rank = len(given.shapes[0] or ())
    axis = given.options.get("axis", 0)
    if not -rank <= axis < rank:
        raise ValueError(f"its axis is {axis} but its inputs have rank {rank}")
    return {"axis": axis % rank, "activation": fields.activation(given)}


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
    inputs=(Input("arrays"),),
    variadic=True,
    reference="concatenation",
    decode=decode,
    shape=shape,
    bind=bind,
)
