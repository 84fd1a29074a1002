"""SOFTMAX over the last axis (R26)."""

import math
from typing import Any

from .operator import Array, Arrays, Given, Operator, Options, Shape, X


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


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_softmax import bind_softmax

    return bind_softmax(*arrays, out, **options, threads=threads)


SOFTMAX = Operator(
    name="SOFTMAX",
    inputs=(X,),
    reference="softmax",
    decode=decode,
    shape=shape,
    bind=bind,
)
