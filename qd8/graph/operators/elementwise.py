"""ADD, SUB, MUL: NumPy's broadcasting, then the activation clamp (R21)."""

import numpy as np

from . import fields
from .operator import A, B, Given, Operator, Options, Shape, kernel


def decode(given: Given) -> Options:
    return {"activation": fields.activation(given)}


def shape(given: Given, options: Options) -> Shape:
    a, b = given.shapes
    assert a is not None
    assert b is not None
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise ValueError(f"its inputs {a} and {b} do not broadcast") from None


ADD, SUB, MUL = (
    Operator(
        name=name.upper(),
        inputs=(A, B),
        reference=name,
        decode=decode,
        shape=shape,
        bind=kernel(f"float_binary.bind_{name}"),
    )
    for name in ("add", "sub", "mul")
)
