"""Element-wise operators as one; no file holds it, the pass `chains` makes it."""

from .operator import Operator, X, defined_by_parts, kernel, same_shape

CHAIN = Operator(
    name="CHAIN",
    inputs=(X,),
    reference=defined_by_parts,
    shape=same_shape,
    bind=kernel("chain.bind_chain"),
    in_place=True,
)
