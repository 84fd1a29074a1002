"""Sums over groups of channels, of x or of (x - centre)^2, without a copy of x.

No file holds it; the pass of that name makes it.
"""

from typing import Any

from .operator import (
    Array,
    Arrays,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    X,
    defined_by_parts,
)


def shape(given: Given, options: Options) -> Shape:
    found: Shape = options["shape"]
    return found


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_group_sum import bind_group_sum
    from qd8.kernels.groups import Groups

    x, *centres = arrays
    return bind_group_sum(
        x,
        centres[0] if centres else None,
        out,
        Groups(*options["groups"]),
        divisor=options["divisor"],
        threads=threads,
    )


GROUP_SUM = Operator(
    name="GROUP_SUM",
    inputs=(X, Input("centres", optional=True)),
    reference=defined_by_parts,
    shape=shape,
    bind=bind,
)
