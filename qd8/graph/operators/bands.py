"""Operators that run one after the other on bands of rows; no file holds it, the pass
of that name makes it."""

from .operator import Operator, X, defined_by_parts, same_shape

BANDS = Operator(
    name="BANDS",
    inputs=(X,),
    variadic=True,
    reference=defined_by_parts,
    shape=same_shape,
)
