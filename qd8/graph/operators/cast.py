"""CAST between stored types; the precision pass puts it at the edges of a model."""

from .operator import (
    Given,
    Input,
    Operator,
    Options,
    as_declared,
    kernel,
    same_shape,
)

# Bytes may be cast, though nothing else computes with them.
CASTABLE = ("FLOAT32", "INT32", "INT64", "BOOL", "UINT8", "INT8")


def decode(given: Given) -> Options:
    if given.output_dtype not in CASTABLE:
        raise ValueError(
            f"it casts to {given.output_dtype}; supported are {', '.join(CASTABLE)}"
        )
    return {}


CAST = Operator(
    name="CAST",
    inputs=(Input("x", dtypes=CASTABLE),),
    reference="cast",
    typed=True,
    dtype=as_declared,
    decode=decode,
    shape=same_shape,
    bind=kernel("casts.bind_cast"),
)
