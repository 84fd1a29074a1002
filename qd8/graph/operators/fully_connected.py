"""FULLY_CONNECTED: rows of K elements, whatever the shape that holds them."""

import math
from collections.abc import Sequence
from typing import Any

from . import fields
from .operator import (
    BIAS,
    WEIGHT,
    Array,
    Arrays,
    Given,
    Operator,
    Options,
    Quantized,
    Shape,
    X,
    kernel,
)


def decode(given: Given) -> Options:
    weights_format = given.options.get("weights_format", "DEFAULT")
    if weights_format != "DEFAULT":
        raise ValueError(f"its weights_format is {weights_format}, not DEFAULT")
    x, weight = given.shapes[:2]
    if x is None or weight is None or len(weight) != 2:
        raise ValueError(f"its weight is {weight}; (N, K) is needed")
    keeps = given.options.get("keep_num_dims", False)
    if keeps and (not x or x[-1] != weight[1]):
        raise ValueError(f"its input is {x}, its weight {weight}: K differs")
    return {"activation": fields.activation(given)}


def shape(given: Given, options: Options) -> Shape:
    shapes: Any = given.shapes
    x, (n, k), bias = shapes
    if math.prod(x) % k:
        raise ValueError(f"its input {x} does not make rows of {k}, as {n, k} needs")
    if bias is not None and math.prod(bias) != n:
        raise ValueError(f"its bias is {bias}; ({n},) is needed")
    if given.options.get("keep_num_dims", False):
        return (*x[:-1], n)
    return math.prod(x) // k, n


def macs(shapes: Sequence[Any], output: Shape) -> int:
    return int(math.prod(output) * shapes[1][1])


def view(arrays: Arrays, options: Options) -> Arrays:
    x, weight, bias = arrays
    rows = x.reshape(-1, weight.shape[1])
    return rows, weight, None if bias is None else bias.reshape(-1)


def view_out(out: Array) -> Array:
    return out.reshape(-1, out.shape[-1])


def pack(weight: Array, options: Options) -> Any:
    from qd8.kernels.float_pack import pack_fully_connected_float

    return pack_fully_connected_float(weight)


def layer(weight: Array, scale: Array, bias: Array | None, options: Options) -> Any:
    from qd8.fully_connected import FullyConnected

    return FullyConnected(weight, scale, bias, **options)


FULLY_CONNECTED = Operator(
    name="FULLY_CONNECTED",
    inputs=(X, WEIGHT, BIAS),
    reference="fully_connected_float",
    decode=decode,
    shape=shape,
    view=view,
    view_out=view_out,
    bind=kernel("float_gemm.bind_fully_connected_float"),
    pack=pack,
    takes_tail=True,
    macs=macs,
    weight_axis=0,
    quantized=Quantized("fully_connected", layer, from_float=True, takes_tail=True),
)
