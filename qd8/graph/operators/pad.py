"""PAD and PADV2: a constant around the image; PAD's is zero."""

from typing import Any

from . import fields
from .operator import (
    ANY_X,
    INTEGERS,
    STORED,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    kernel,
)

PADDINGS = Input("paddings", dtypes=INTEGERS, constant=True, option=True)
VALUE = Input("value", dtypes=STORED, constant=True, option=True)


def decode(given: Given) -> Options:
    value: Any = given.constants.get("value")
    if value is not None and value.size != 1:
        raise ValueError(f"its value has shape {value.shape}; one number is needed")
    return {
        "paddings": fields.pairs(given, "paddings", len(given.x)),
        "value": 0.0 if value is None else value.reshape(-1)[0].item(),
    }


def shape(given: Given, options: Options) -> Shape:
    sides = zip(given.x, options["paddings"], strict=True)
    return tuple(before + n + after for n, (before, after) in sides)


PAD, PADV2 = (
    Operator(
        name=name,
        inputs=inputs,
        reference="pad",
        decode=decode,
        shape=shape,
        bind=kernel("float_copy.bind_pad"),
    )
    for name, inputs in (
        ("PAD", (ANY_X, PADDINGS)),
        ("PADV2", (ANY_X, PADDINGS, VALUE)),
    )
)
