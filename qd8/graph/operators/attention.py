"""softmax(scale * q @ k) @ v; no file holds it, the pass of that name makes it."""

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
    from qd8.kernels.attention import bind_attention
    from qd8.kernels.attention_pack import Matrices

    q, k, v = arrays[:3]
    steps = options["steps"]
    return bind_attention(
        q,
        k,
        v,
        out,
        queries=Matrices(steps["queries"]),
        keys=Matrices(steps["keys"]),
        values=Matrices(steps["values"]),
        outputs=Matrices(steps["outputs"]),
        batch=options["batch"],
        sizes=options["sizes"],
        scale=options["scale"],
        threads=threads,
    )


ATTENTION = Operator(
    name="ATTENTION",
    inputs=(X, Input("k"), Input("v"), Input("scale", optional=True, constant=True)),
    reference=defined_by_parts,
    shape=shape,
    bind=bind,
)
