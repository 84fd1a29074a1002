"""CAST between float32 and float16, as the precision pass puts it at the edges."""

from .operator import Given, Operator, Options, Shape, X, kernel


def shape(given: Given, options: Options) -> Shape:
    assert given.shapes[0] is not None
    return given.shapes[0]


CAST = Operator(
    name="CAST",
    inputs=(X,),
    reference="cast",
    shape=shape,
    bind=kernel("float_unary.bind_cast"),
)
