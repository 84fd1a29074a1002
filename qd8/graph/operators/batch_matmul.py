"""BATCH_MATMUL: matrices times matrices, the axes before them broadcast (R39).

Two activations multiply in float, as attention does; a constant int8 second operand
is a weight, and each row of the first is quantized.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .operator import (
    Array,
    Given,
    Input,
    Operator,
    Options,
    Quantized,
    Shape,
    kernel,
)


def decode(given: Given) -> Options:
    return {
        "adj_x": bool(given.options.get("adj_x", False)),
        "adj_y": bool(given.options.get("adj_y", False)),
    }


def shape(given: Given, options: Options) -> Shape:
    a, b = given.shapes
    if a is None or b is None or len(a) < 2 or len(b) < 2:
        raise ValueError(f"its inputs are {a} and {b}; matrices are needed")
    m, k = a[:-3:-1] if options["adj_x"] else a[-2:]
    other, n = b[:-3:-1] if options["adj_y"] else b[-2:]
    if k != other:
        raise ValueError(
            f"its inputs {a} and {b} have rows of {k} and columns of {other}"
        )
    try:
        batch = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ValueError(f"its inputs {a} and {b} do not broadcast") from None
    return (*batch, m, n)


def macs(shapes: Sequence[Any], output: Shape) -> int:
    # (M, K) times (K, N): as many as M * N outputs of K, whichever is transposed.
    a = shapes[0]
    k = math.prod(a[-2:]) // output[-2]
    return int(math.prod(output) * k)


def channel_axis(options: Mapping[str, Any], rank: int) -> int:
    return rank - 2 if options.get("adj_y", False) else rank - 1


def layer(weight: Array, scale: Array, bias: Array | None, options: Options) -> Any:
    from qd8.batch_matmul import BatchMatMul

    return BatchMatMul(weight, scale, **options)


BATCH_MATMUL = Operator(
    name="BATCH_MATMUL",
    inputs=(Input("a"), Input("b", dtypes=("FLOAT32", "INT8"))),
    reference="batch_matmul",
    decode=decode,
    shape=shape,
    bind=kernel("float_matmul.bind_batch_matmul"),
    macs=macs,
    weight_axis=channel_axis,
    quantized=Quantized("batch_matmul_quantized", layer),
)
