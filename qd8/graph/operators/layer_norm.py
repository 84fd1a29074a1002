"""Layer normalization; no file holds it, the pass of that name makes it."""

from typing import Any

from .operator import (
    Array,
    Arrays,
    Input,
    Operator,
    Options,
    X,
    defined_by_parts,
    same_shape,
)


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    from qd8.kernels.float_layer_norm import bind_layer_norm

    x, gamma, beta = arrays[:3]
    epsilon = options["epsilon"]
    return bind_layer_norm(x, gamma, beta, out, epsilon=epsilon, threads=threads)


LAYER_NORM = Operator(
    name="LAYER_NORM",
    inputs=(X, *(Input(name, constant=True) for name in ("gamma", "beta", "epsilon"))),
    reference=defined_by_parts,
    shape=same_shape,
    bind=bind,
)
