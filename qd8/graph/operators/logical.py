"""LOGICAL_AND, LOGICAL_OR, LOGICAL_NOT: truth values in, truth values out (R29)."""

from .elementwise import shape
from .operator import Input, Operator, kernel, same_shape

BOOLS = (Input("a", dtypes=("BOOL",)), Input("b", dtypes=("BOOL",)))

BY_NAME = {
    name: Operator(
        name=name,
        inputs=BOOLS,
        reference=name.lower(),
        shape=shape,
        bind=kernel(f"comparison.bind_{name.lower()}"),
        in_place=True,
    )
    for name in ("LOGICAL_AND", "LOGICAL_OR")
}
BY_NAME["LOGICAL_NOT"] = Operator(
    name="LOGICAL_NOT",
    inputs=(Input("x", dtypes=("BOOL",)),),
    reference="logical_not",
    shape=same_shape,
    bind=kernel("comparison.bind_logical_not"),
    in_place=True,
)
