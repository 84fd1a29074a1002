"""FILL: one element everywhere. RANGE: start, start + delta, ... (R36)."""

import math
from typing import Any

import numpy as np

from . import fields
from .operator import (
    INTEGERS,
    NUMBERS,
    STORED,
    Array,
    Arrays,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    as_declared,
    kernel,
)

DIMS = Input("shape", dtypes=INTEGERS, constant=True, option=True)
VALUE = Input("value", dtypes=STORED)


def decode(given: Given) -> Options:
    if math.prod(given.x) != 1:
        raise ValueError(f"its value is {given.x}; one element is needed")
    return {"shape": fields.extents(fields.needed(given, "shape"), "shape")}


def shape(given: Given, options: Options) -> Shape:
    found: Shape = options["shape"]
    return found


FILL = Operator(
    name="FILL",
    inputs=(DIMS, VALUE),
    reference="fill",
    decode=decode,
    shape=shape,
    bind=kernel("movement.bind_fill", "shape"),
)

MOST = 2**31  # numbers of a range; only damaged files have as many
LIMITS = tuple(
    Input(name, dtypes=NUMBERS, constant=True, option=True)
    for name in ("start", "limit", "delta")
)


def decode_range(given: Given) -> Options:
    values: Any = {name: given.constants[name] for name in ("start", "limit", "delta")}
    if any(value.size != 1 for value in values.values()):
        raise ValueError("its start, limit and delta must be one number each")
    if len({value.dtype for value in values.values()}) != 1:
        raise ValueError("its start, limit and delta must be of one type")
    start, limit, delta = (value.item() for value in values.values())
    finite = all(math.isfinite(n) for n in (start, limit, delta))
    if not finite or delta == 0 or (limit - start) * delta < 0:
        raise ValueError(f"it goes from {start} to {limit} in steps of {delta}")
    return {name: value.reshape(()) for name, value in values.items()}


def range_shape(given: Given, options: Options) -> Shape:
    start, limit, delta = (options[name] for name in ("start", "limit", "delta"))
    if start.dtype.kind == "i":
        count = len(range(start.item(), limit.item(), delta.item()))
        if count >= MOST:
            raise ValueError(f"it holds {count} numbers from {start} to {limit}")
        return (count,)
    with np.errstate(over="ignore"):
        steps = abs((limit - start) / delta)  # R36: in float32, as the definition
    if not steps < MOST:
        raise ValueError(
            f"it goes from {start} to {limit} in steps of {delta}: {steps} numbers"
        )
    return (math.ceil(steps),)


def bind_range(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    known = {name: options[name].item() for name in ("start", "delta")}
    return bind_known(arrays, out, known, threads)


bind_known = kernel("movement.bind_range")

RANGE = Operator(
    name="RANGE",
    inputs=LIMITS,
    reference="range",
    dtype=as_declared,
    decode=decode_range,
    shape=range_shape,
    bind=bind_range,
)
