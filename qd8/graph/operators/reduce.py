"""MEAN, SUM and REDUCE_MAX over constant axes (R22, R35)."""

from . import fields
from .operator import (
    INTEGERS,
    NUMBER_X,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    X,
    kernel,
)

AXES = Input("axes", dtypes=INTEGERS, constant=True, option=True)


def decode(given: Given) -> Options:
    x = given.x
    axes = fields.needed(given, "axes")
    rank = len(x)
    if not axes:
        raise ValueError("it has no axes, so it reduces nothing")
    if any(not -rank <= axis < rank for axis in axes):
        raise ValueError(f"its axes are {axes} but its input {x} has {rank}")
    return {
        "axes": tuple(sorted({axis % rank for axis in axes})),
        "keepdims": bool(given.options.get("keep_dims", False)),
    }


def shape(given: Given, options: Options) -> Shape:
    if options["keepdims"]:
        return tuple(1 if i in options["axes"] else n for i, n in enumerate(given.x))
    return tuple(n for i, n in enumerate(given.x) if i not in options["axes"])


MEAN, SUM, REDUCE_MAX = (
    Operator(
        name=name.upper(),
        inputs=(x, AXES),
        reference=name,
        decode=decode,
        shape=shape,
        bind=kernel(f"float_reduce.bind_{name}", "keepdims"),
    )
    for name, x in (("mean", X), ("sum", NUMBER_X), ("reduce_max", NUMBER_X))
)
