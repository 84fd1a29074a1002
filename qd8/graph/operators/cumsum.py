"""CUMSUM along one axis: one chain of sums (R35)."""

from . import fields
from .operator import (
    INTEGERS,
    NUMBER_X,
    Given,
    Input,
    Operator,
    Options,
    kernel,
    same_shape,
)

AXIS = Input("axis", dtypes=INTEGERS, constant=True, option=True)


def decode(given: Given) -> Options:
    return {
        "axis": fields.axis(fields.one(given, "axis"), len(given.x)),
        "exclusive": bool(given.options.get("exclusive", False)),
        "reverse": bool(given.options.get("reverse", False)),
    }


CUMSUM = Operator(
    name="CUMSUM",
    inputs=(NUMBER_X, AXIS),
    reference="cumsum",
    decode=decode,
    shape=same_shape,
    bind=kernel("float_reduce.bind_cumsum"),
)
