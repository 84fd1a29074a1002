"""MEAN over constant axes (R22)."""

from . import fields
from .operator import Given, Input, Operator, Options, Shape, X, kernel

AXES = Input("axes", dtypes=("INT32", "INT64"), constant=True, option=True)


def decode(given: Given) -> Options:
    x = given.shapes[0]
    assert x is not None
    axes = fields.integers(given, "axes") or ()
    rank = len(x)
    if not axes:
        raise ValueError("it has no axes, so it computes no mean")
    if any(not -rank <= axis < rank for axis in axes):
        raise ValueError(f"its axes are {axes} but its input {x} has {rank}")
    return {
        "axes": tuple(sorted({axis % rank for axis in axes})),
        "keepdims": bool(given.options.get("keep_dims", False)),
    }


def shape(given: Given, options: Options) -> Shape:
    x = given.shapes[0]
    assert x is not None
    if options["keepdims"]:
        return tuple(1 if i in options["axes"] else n for i, n in enumerate(x))
    return tuple(n for i, n in enumerate(x) if i not in options["axes"])


MEAN = Operator(
    name="MEAN",
    inputs=(X, AXES),
    reference="mean",
    decode=decode,
    shape=shape,
    bind=kernel("float_mean.bind_mean", "keepdims"),
)
