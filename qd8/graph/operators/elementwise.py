"""ADD, SUB, MUL, DIV and their like: NumPy's broadcasting, element by element.

Four of them end in an activation clamp (R21); floats, and integers where the
definition has them (R29).
"""

import numpy as np

from . import fields
from .operator import (
    NUMBER_A,
    NUMBER_B,
    A,
    B,
    Given,
    Operator,
    Options,
    Shape,
    kernel,
)


def decode(given: Given) -> Options:
    one_type(given)
    return {"activation": fields.activation(given, of=given.dtypes[0])}


def decode_plain(given: Given) -> Options:
    one_type(given)
    return {}


def one_type(given: Given) -> None:
    """Refuse operands of two types, which TFLite has no kernels for."""
    if given.dtypes[0] != given.dtypes[1]:
        raise ValueError(
            f"its inputs are {given.dtypes[0]} and {given.dtypes[1]}; "
            "they must be of one type"
        )


def shape(given: Given, options: Options) -> Shape:
    shapes = [each for each in given.shapes if each is not None]
    if shapes[0] == shapes[-1]:  # NumPy takes 3 us to say so
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        text = " and ".join(map(str, shapes))
        raise ValueError(f"its inputs {text} do not broadcast") from None


ADD, SUB, MUL, DIV = (
    Operator(
        name=name.upper(),
        inputs=(NUMBER_A, NUMBER_B),
        reference=name,
        decode=decode,
        shape=shape,
        bind=kernel(f"float_binary.bind_{name}"),
        in_place=True,
    )
    for name in ("add", "sub", "mul", "div")
)

MAXIMUM, MINIMUM = (
    Operator(
        name=name.upper(),
        inputs=(NUMBER_A, NUMBER_B),
        reference=name,
        decode=decode_plain,
        shape=shape,
        bind=kernel(f"float_binary.bind_{name}"),
        in_place=True,
    )
    for name in ("maximum", "minimum")
)

SQUARED_DIFFERENCE, POW = (
    Operator(
        name=name.upper(),
        inputs=(A, B),
        reference=name,
        decode=decode_plain,
        shape=shape,
        bind=kernel(f"float_binary.bind_{name}"),
        in_place=True,
    )
    for name in ("squared_difference", "pow")
)
