"""LESS, EQUAL and their relatives: truth values, false where a NaN is (R29)."""

from .elementwise import decode_plain, shape
from .operator import (
    NUMBER_A,
    NUMBER_B,
    STORED,
    Given,
    Input,
    Operator,
    Options,
    kernel,
)


def truth(given: Given, options: Options) -> str:
    return "BOOL"


ORDERED = (NUMBER_A, NUMBER_B)
ANY = (Input("a", dtypes=STORED), Input("b", dtypes=STORED))

BY_NAME = {
    name: Operator(
        name=name,
        inputs=inputs,
        reference=name.lower(),
        dtype=truth,
        decode=decode_plain,
        shape=shape,
        bind=kernel(f"comparison.bind_{name.lower()}"),
    )
    for name, inputs in (
        ("LESS", ORDERED),
        ("LESS_EQUAL", ORDERED),
        ("GREATER", ORDERED),
        ("GREATER_EQUAL", ORDERED),
        ("EQUAL", ANY),
        ("NOT_EQUAL", ANY),
    )
}
