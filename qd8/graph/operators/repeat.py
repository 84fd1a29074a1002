"""BROADCAST_TO along axes of one element; TILE as a whole (R36)."""

import numpy as np

from . import fields
from .operator import ANY_X, INTEGERS, Given, Input, Operator, Options, Shape, kernel

EXTENTS = Input("shape", dtypes=INTEGERS, constant=True, option=True)
MULTIPLES = Input("multiples", dtypes=INTEGERS, constant=True, option=True)


def decode(given: Given) -> Options:
    wanted = fields.extents(fields.needed(given, "shape"), "shape")
    try:
        fits = np.broadcast_shapes(given.x, wanted) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"its input {given.x} does not broadcast to {wanted}")
    return {"shape": wanted}


def broadcast(given: Given, options: Options) -> Shape:
    found: Shape = options["shape"]
    return found


def decode_tile(given: Given) -> Options:
    multiples = fields.extents(fields.needed(given, "multiples"), "multiples")
    if len(multiples) != len(given.x):
        raise ValueError(f"its multiples are {multiples}; its input is {given.x}")
    return {"multiples": multiples}


def tiled(given: Given, options: Options) -> Shape:
    return tuple(n * m for n, m in zip(given.x, options["multiples"], strict=True))


BROADCAST_TO = Operator(
    name="BROADCAST_TO",
    inputs=(ANY_X, EXTENTS),
    reference="broadcast_to",
    decode=decode,
    shape=broadcast,
    bind=kernel("movement.bind_broadcast_to", "shape"),
)
TILE = Operator(
    name="TILE",
    inputs=(ANY_X, MULTIPLES),
    reference="tile",
    decode=decode_tile,
    shape=tiled,
    bind=kernel("movement.bind_tile"),
)
