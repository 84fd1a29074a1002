"""SLICE: the box of given extents from a corner on (R36)."""

from . import fields
from .operator import ANY_X, INTEGERS, Given, Input, Operator, Options, Shape, kernel

BEGIN = Input("begin", dtypes=INTEGERS, constant=True, option=True)
SIZE = Input("size", dtypes=INTEGERS, constant=True, option=True)


def decode(given: Given) -> Options:
    begin, size = fields.needed(given, "begin"), fields.needed(given, "size")
    x = given.x
    if len(begin) != len(x) or len(size) != len(x):
        raise ValueError(f"its begin is {begin} and size {size}; its input is {x}")
    counts = tuple(
        n - first if count == -1 else count
        for n, first, count in zip(x, begin, size, strict=True)
    )
    for n, first, count in zip(x, begin, counts, strict=True):
        if first < 0 or count < 0 or first + count > n:
            raise ValueError(
                f"its begin is {begin} and size {size}; that does not lie within {x}"
            )
    return {"begin": begin, "size": counts}


def shape(given: Given, options: Options) -> Shape:
    found: Shape = options["size"]
    return found


SLICE = Operator(
    name="SLICE",
    inputs=(ANY_X, BEGIN, SIZE),
    reference="slice",
    decode=decode,
    shape=shape,
    bind=kernel("movement.bind_slice"),
)
