"""SELECT_V2, and the older SELECT, whose condition may pick whole rows (R29)."""

from typing import Any

from .elementwise import shape
from .operator import (
    STORED,
    Arrays,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    kernel,
)

INPUTS = (
    Input("condition", dtypes=("BOOL",)),
    Input("a", dtypes=STORED),
    Input("b", dtypes=STORED),
)


def second(given: Given, options: Options) -> str:
    found = given.dtypes[1]
    assert found is not None
    return found


def decode(given: Given) -> Options:
    if given.dtypes[1] != given.dtypes[2]:
        raise ValueError(
            f"it selects from {given.dtypes[1]} and {given.dtypes[2]}; "
            "they must be of one type"
        )
    return {}


def shape_of_rows(given: Given, options: Options) -> Shape:
    condition, a, b = given.shapes
    assert condition is not None
    assert a is not None
    same = condition == a or condition == a[:1] or len(condition) == 0
    if a != b or not same:
        raise ValueError(
            f"its condition is {condition}, its operands {a} and {b}; they must be of "
            "one shape, the condition of that or one for each row"
        )
    return a


def by_rows(arrays: Arrays, options: Options) -> Arrays:
    condition, a, b = arrays
    extents: Any = condition.shape + (1,) * (a.ndim - condition.ndim)
    return condition.reshape(extents), a, b


SELECT_V2 = Operator(
    name="SELECT_V2",
    inputs=INPUTS,
    reference="select",
    dtype=second,
    decode=decode,
    shape=shape,
    bind=kernel("comparison.bind_select"),
)
SELECT = Operator(
    name="SELECT",
    inputs=INPUTS,
    reference="select",
    dtype=second,
    decode=decode,
    shape=shape_of_rows,
    view=by_rows,
    bind=kernel("comparison.bind_select"),
)
