"""RELU, RELU6 and LOGISTIC: one element in, one out."""

from typing import Any

from .operator import Array, Arrays, Given, Operator, Options, Shape, X


def shape(given: Given, options: Options) -> Shape:
    assert given.shapes[0] is not None
    return given.shapes[0]


def bind_relu(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_unary import bind_relu

    return bind_relu(*arrays, out, threads=threads)


def bind_relu6(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_unary import bind_relu6

    return bind_relu6(*arrays, out, threads=threads)


def bind_logistic(
    arrays: Arrays, out: Array, options: Options, threads: int
) -> list[Any]:
    from qd8.kernels.float_unary import bind_logistic

    return bind_logistic(*arrays, out, threads=threads)


RELU, RELU6, LOGISTIC = (
    Operator(name=name, inputs=(X,), reference=name.lower(), shape=shape, bind=bind)
    for name, bind in (
        ("RELU", bind_relu),
        ("RELU6", bind_relu6),
        ("LOGISTIC", bind_logistic),
    )
)
