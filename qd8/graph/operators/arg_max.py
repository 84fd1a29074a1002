"""ARG_MAX along one axis: the first of equals, the first NaN (R35)."""

from . import fields
from .operator import (
    INTEGERS,
    NUMBER_X,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    as_declared,
    kernel,
)

AXIS = Input("axis", dtypes=INTEGERS, constant=True, option=True)


def decode(given: Given) -> Options:
    if given.output_dtype not in INTEGERS:
        raise ValueError(f"its output is {given.output_dtype}, not an integer")
    return {"axis": fields.axis(fields.one(given, "axis"), len(given.x))}


def shape(given: Given, options: Options) -> Shape:
    return given.x[: options["axis"]] + given.x[options["axis"] + 1 :]


ARG_MAX = Operator(
    name="ARG_MAX",
    inputs=(NUMBER_X, AXIS),
    reference="arg_max",
    typed=True,
    dtype=as_declared,
    decode=decode,
    shape=shape,
    bind=kernel("float_reduce.bind_arg_max"),
)
