"""PRELU: a slope below zero for each channel (R28)."""

from .elementwise import decode_plain
from .operator import Given, Input, Operator, Options, Shape, X, kernel


def shape(given: Given, options: Options) -> Shape:
    alpha = given.shapes[1] or ()
    extents = zip(given.x[::-1], alpha[::-1], strict=False)
    if len(alpha) > len(given.x) or any(m not in (1, n) for n, m in extents):
        raise ValueError(f"its alpha is {alpha}; it does not broadcast to {given.x}")
    return given.x


PRELU = Operator(
    name="PRELU",
    inputs=(X, Input("alpha")),
    reference="prelu",
    decode=decode_plain,
    shape=shape,
    bind=kernel("float_binary.bind_prelu"),
    in_place=True,
)
