"""RELU, RELU6 and LOGISTIC: one element in, one out."""

from .operator import Given, Operator, Options, Shape, X, kernel


def shape(given: Given, options: Options) -> Shape:
    assert given.shapes[0] is not None
    return given.shapes[0]


RELU, RELU6, LOGISTIC = (
    Operator(
        name=name.upper(),
        inputs=(X,),
        reference=name,
        shape=shape,
        bind=kernel(f"float_unary.bind_{name}"),
    )
    for name in ("relu", "relu6", "logistic")
)
