"""ADD, SUB, MUL: NumPy's broadcasting, then the activation clamp (R21)."""

from typing import Any

import numpy as np

from . import fields
from .operator import A, Array, Arrays, B, Given, Operator, Options, Shape


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


def bind_add(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_elementwise import bind_add

    return bind_add(*arrays, out, **options, threads=threads)


def bind_sub(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_elementwise import bind_sub

    return bind_sub(*arrays, out, **options, threads=threads)


def bind_mul(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_elementwise import bind_mul

    return bind_mul(*arrays, out, **options, threads=threads)


ADD, SUB, MUL = (
    Operator(
        name=name,
        inputs=(A, B),
        reference=name.lower(),
        decode=decode,
        shape=shape,
        bind=bind,
    )
    for name, bind in (("ADD", bind_add), ("SUB", bind_sub), ("MUL", bind_mul))
)
