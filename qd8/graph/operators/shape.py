"""SHAPE: known when the graph is built, so it never runs."""

import numpy as np

from .operator import (
    ANY_X,
    INTEGERS,
    Array,
    Given,
    Operator,
    Options,
    Shape,
    as_declared,
)


def decode(given: Given) -> Options:
    if given.output_dtype not in INTEGERS:
        raise ValueError(f"its output is {given.output_dtype}, not an integer")
    return {}


def shape(given: Given, options: Options) -> Shape:
    return (len(given.x),)


def value(given: Given, options: Options, dtype: str) -> Array:
    return np.array(given.x, dtype)


SHAPE = Operator(
    name="SHAPE",
    inputs=(ANY_X,),
    reference="shape",
    typed=True,
    dtype=as_declared,
    decode=decode,
    shape=shape,
    value=value,
)
