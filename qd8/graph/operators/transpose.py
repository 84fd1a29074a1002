"""TRANSPOSE: the axes in another order (R36)."""

from . import fields
from .operator import ANY_X, INTEGERS, Given, Input, Operator, Options, Shape, kernel

PERM = Input("perm", dtypes=INTEGERS, constant=True, option=True)


def decode(given: Given) -> Options:
    rank, perm = len(given.x), fields.needed(given, "perm")
    found = tuple(n % rank if -rank <= n < rank else n for n in perm)
    if sorted(found) != list(range(rank)):
        raise ValueError(f"its perm is {perm}; each of {rank} axes is needed once")
    return {"perm": found}


def shape(given: Given, options: Options) -> Shape:
    return tuple(given.x[axis] for axis in options["perm"])


TRANSPOSE = Operator(
    name="TRANSPOSE",
    inputs=(ANY_X, PERM),
    reference="transpose",
    decode=decode,
    shape=shape,
    bind=kernel("movement.bind_transpose"),
)
