"""RESHAPE: the same elements in the same order."""

import math

from . import fields
from .operator import Given, Input, Operator, Options, Shape, X, kernel

# TFLite runs a shape that is computed; here the output's shape must say the same.
SHAPE = Input("shape", dtypes=("INT32",), optional=True, constant=True, option=True)


def decode(given: Given) -> Options:
    x = given.shapes[0]
    assert x is not None
    wanted = fields.integers(given, "shape")
    if wanted is None:
        # Old converters write the shape only as an option, [0] for a scalar.
        wanted = tuple(given.options.get("new_shape", given.output))
    if wanted == (0,):
        wanted = ()
    known = math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1 or any(n < -1 or n == 0 for n in wanted):
        raise ValueError(f"it reshapes to {wanted}, which is no shape")
    if -1 in wanted:
        rest = math.prod(x) // known
        wanted = tuple(rest if n == -1 else n for n in wanted)
    if math.prod(wanted) != math.prod(x):
        raise ValueError(f"it reshapes {x} to {wanted}, of another size")
    return {"shape": wanted}


def shape(given: Given, options: Options) -> Shape:
    found: Shape = options["shape"]
    return found


RESHAPE = Operator(
    name="RESHAPE",
    inputs=(X, SHAPE),
    reference="reshape",
    decode=decode,
    shape=shape,
    bind=kernel("float_copy.bind_copy", "shape"),
)
