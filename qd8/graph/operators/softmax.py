"""SOFTMAX over the last axis (R26)."""

import math

from .operator import Given, Operator, Options, Shape, X, kernel


def decode(given: Given) -> Options:
    beta = given.options.get("beta", 0.0)
    if not (math.isfinite(beta) and beta > 0):
        raise ValueError(f"its beta is {beta}; a positive number is needed")
    if not given.shapes[0]:
        raise ValueError("its input is a scalar; at least one axis is needed")
    return {"beta": beta}


def shape(given: Given, options: Options) -> Shape:
    assert given.shapes[0] is not None
    return given.shapes[0]


SOFTMAX = Operator(
    name="SOFTMAX",
    inputs=(X,),
    reference="softmax",
    decode=decode,
    shape=shape,
    bind=kernel("float_softmax.bind_softmax"),
    in_place=True,
)
