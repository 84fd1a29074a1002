"""ONE_HOT: ``on`` at the place that an index names along a new axis, else ``off``."""

from typing import Any

from . import fields
from .operator import (
    INTEGERS,
    STORED,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    as_declared,
    kernel,
)

DEPTH = Input("depth", dtypes=("INT32",), constant=True, option=True)
ON, OFF = (
    Input(name, dtypes=STORED, constant=True, option=True) for name in ("on", "off")
)


def decode(given: Given) -> Options:
    on: Any = given.constants["on"]
    off: Any = given.constants["off"]
    if on.size != 1 or off.size != 1 or on.dtype != off.dtype:
        raise ValueError("its on and off values must be one number each, of one type")
    depth = fields.one(given, "depth")
    if depth < 0:
        raise ValueError(f"its depth is {depth}; 0 or more is needed")
    return {
        "depth": depth,
        "on": on.item(),
        "off": off.item(),
        "axis": fields.axis(given.options.get("axis", -1), len(given.x) + 1),
    }


def shape(given: Given, options: Options) -> Shape:
    axis = options["axis"]
    return (*given.x[:axis], options["depth"], *given.x[axis:])


ONE_HOT = Operator(
    name="ONE_HOT",
    inputs=(Input("indices", dtypes=INTEGERS), DEPTH, ON, OFF),
    reference="one_hot",
    typed=True,
    dtype=as_declared,
    decode=decode,
    shape=shape,
    bind=kernel("movement.bind_one_hot"),
)
