"""RESHAPE, EXPAND_DIMS and SQUEEZE: the same elements in the same order.

The output of a run lies where the input does, so nothing is done.
"""

import math

from . import fields
from .operator import ANY_X, INTEGERS, Given, Input, Operator, Options, Shape, kernel

SHAPE = Input("shape", dtypes=("INT32",), optional=True, constant=True, option=True)
AXIS = Input("axis", dtypes=INTEGERS, constant=True, option=True)


def decode_reshape(given: Given) -> Options:
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
        rest = math.prod(given.x) // known
        wanted = tuple(rest if n == -1 else n for n in wanted)
    if math.prod(wanted) != math.prod(given.x):
        raise ValueError(f"it reshapes {given.x} to {wanted}, of another size")
    return {"shape": wanted}


def reshaped(given: Given, options: Options) -> Shape:
    found: Shape = options["shape"]
    return found


def decode_expand_dims(given: Given) -> Options:
    rank = len(given.x) + 1  # of the output, where the axis is
    return {"axis": fields.axis(fields.one(given, "axis"), rank)}


def expanded(given: Given, options: Options) -> Shape:
    axis = options["axis"]
    return (*given.x[:axis], 1, *given.x[axis:])


def decode_squeeze(given: Given) -> Options:
    rank = len(given.x)
    said = given.options.get("squeeze_dims", ())
    axes = tuple(sorted({fields.axis(n, rank, "squeeze_dims") for n in said}))
    if any(given.x[axis] != 1 for axis in axes):
        raise ValueError(
            f"its squeeze_dims are {axes}, but its input is {given.x}: only axes of 1 "
            "element can go"
        )
    return {"axes": axes}


def squeezed(given: Given, options: Options) -> Shape:
    gone = options["axes"] or [i for i, n in enumerate(given.x) if n == 1]
    return tuple(n for i, n in enumerate(given.x) if i not in gone)


# Where the output does not lie where the input does: a constant is folded.
copy = kernel("movement.bind_copy", "shape", "axis", "axes")

RESHAPE = Operator(
    name="RESHAPE",
    inputs=(ANY_X, SHAPE),
    reference="reshape",
    decode=decode_reshape,
    shape=reshaped,
    bind=copy,
    is_view=True,
)
EXPAND_DIMS = Operator(
    name="EXPAND_DIMS",
    inputs=(ANY_X, AXIS),
    reference="expand_dims",
    decode=decode_expand_dims,
    shape=expanded,
    bind=copy,
    is_view=True,
)
SQUEEZE = Operator(
    name="SQUEEZE",
    inputs=(ANY_X,),
    reference="squeeze",
    decode=decode_squeeze,
    shape=squeezed,
    bind=copy,
    is_view=True,
)
