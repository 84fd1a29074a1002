"""PAD and PADV2: a constant around the image; PAD's is zero."""

from . import fields
from .operator import Given, Input, Operator, Options, Shape, X, kernel

PADDINGS = Input("paddings", dtypes=("INT32", "INT64"), constant=True, option=True)
VALUE = Input("value", constant=True, option=True)


def decode(given: Given) -> Options:
    x = given.shapes[0]
    assert x is not None
    flat = fields.integers(given, "paddings") or ()
    if len(flat) != 2 * len(x) or any(not 0 <= n <= fields.LARGEST for n in flat):
        raise ValueError(
            f"its paddings are {flat}; its input {x} needs {len(x)} pairs of "
            f"numbers from 0 to {fields.LARGEST}"
        )
    value = given.constants.get("value")
    if value is not None and value.size != 1:
        raise ValueError(f"its value has shape {value.shape}; one number is needed")
    return {
        "paddings": tuple(zip(flat[::2], flat[1::2], strict=True)),
        "value": 0.0 if value is None else float(value.reshape(-1)[0]),
    }


def shape(given: Given, options: Options) -> Shape:
    x = given.shapes[0]
    assert x is not None
    sides = zip(x, options["paddings"], strict=True)
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
    for name, inputs in (("PAD", (X, PADDINGS)), ("PADV2", (X, PADDINGS, VALUE)))
)
