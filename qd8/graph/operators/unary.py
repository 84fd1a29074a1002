"""Operators of one element in, one out: RELU, LOGISTIC, EXP, ... (R3, R24-R33)."""

from .operator import (
    NUMBER_X,
    Given,
    Operator,
    Options,
    X,
    kernel,
    same_shape,
)

FLOAT: tuple[str, ...] = (
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "LOGISTIC",
    "TANH",
    "EXP",
    "SQRT",
    "RSQRT",
    "SQUARE",
    "FLOOR",
    "HARD_SWISH",
    "ELU",
)
BY_NAME = {
    name: Operator(
        name=name,
        inputs=(X,),
        reference=name.lower(),
        shape=same_shape,
        bind=kernel(f"float_unary.bind_{name.lower()}"),
        in_place=True,
    )
    for name in FLOAT
}
BY_NAME |= {
    name: Operator(
        name=name,
        inputs=(NUMBER_X,),
        reference=name.lower(),
        shape=same_shape,
        bind=kernel(f"float_unary.bind_{name.lower()}"),
        in_place=True,
    )
    for name in ("ABS", "NEG")
}


def decode_gelu(given: Given) -> Options:
    return {"approximate": bool(given.options.get("approximate", False))}


def decode_leaky_relu(given: Given) -> Options:
    return {"alpha": float(given.options.get("alpha", 0.0))}


GELU = Operator(
    name="GELU",
    inputs=(X,),
    reference="gelu",
    decode=decode_gelu,
    shape=same_shape,
    bind=kernel("float_unary.bind_gelu"),
    in_place=True,
)
LEAKY_RELU = Operator(
    name="LEAKY_RELU",
    inputs=(X,),
    reference="leaky_relu",
    decode=decode_leaky_relu,
    shape=same_shape,
    bind=kernel("float_unary.bind_leaky_relu"),
    in_place=True,
)
