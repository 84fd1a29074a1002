"""CAST between float32 and float16, as the precision pass puts it at the edges."""

from typing import Any

from .operator import Array, Arrays, Given, Operator, Options, Shape, X


def shape(given: Given, options: Options) -> Shape:
    assert given.shapes[0] is not None
    return given.shapes[0]


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_cast import bind_cast

    return bind_cast(*arrays, out, threads=threads)


CAST = Operator(
    name="CAST",
    inputs=(X,),
    reference="cast",
    shape=shape,
    bind=bind,
)
