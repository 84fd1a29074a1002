"""CONV_2D: NHWC with OHWI weights, grouped where the weights are narrower."""

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
from .window import image, resolved, window_size


def decode(given: Given) -> Options:
    x, weight = given.shapes[:2]
    if x is None or weight is None or len(weight) != 4:
        raise ValueError(f"its weight is {weight}; (O, KH, KW, I / groups) is needed")
    channels = image(x)[3]
    if channels % weight[3]:
        raise ValueError(
            f"its weight is {weight} but its input {x} has {channels} channels; "
            f"a multiple of {weight[3]} is needed"
        )
    groups = channels // weight[3]
    if weight[0] % groups:
        raise ValueError(f"{weight[0]} output channels do not make {groups} groups")
    return {
        "stride": fields.pair(given, "stride_h", "stride_w", 0),
        "padding": fields.padding(given),
        "dilation": fields.pair(given, "dilation_h_factor", "dilation_w_factor", 1),
        "groups": groups,
        "activation": fields.activation(given),
    }


def shape(given: Given, options: Options) -> Shape:
    shapes: Any = given.shapes
    n, h, w, _ = image(shapes[0])
    outputs, kh, kw, _ = shapes[1]
    if shapes[2] is not None and math.prod(shapes[2]) != outputs:
        raise ValueError(f"its bias is {shapes[2]}; ({outputs},) is needed")
    size = window_size(
        (h, w), (kh, kw), options["stride"], options["padding"], options["dilation"]
    )
    return (n, *size, outputs)


def macs(shapes: Sequence[Any], output: Shape) -> int:
    return int(math.prod(output) * math.prod(shapes[1][1:]))


def view(arrays: Arrays, options: Options) -> Arrays:
    x, weight, bias = arrays
    return x, weight, None if bias is None else bias.reshape(-1)


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    size, window = arrays[0].shape[1:3], arrays[1].shape[1:3]
    options = resolved(options, size, window, options["dilation"])
    return bind_packed(arrays, out, options, threads)


bind_packed = kernel("float_gemm.bind_conv2d_float")


def pack(weight: Array, options: Options) -> Any:
    from qd8.kernels.float_pack import pack_conv2d_float

    return pack_conv2d_float(weight, groups=options["groups"])


def layer(weight: Array, scale: Array, bias: Array | None, options: Options) -> Any:
    from qd8.conv2d import Conv2D

    return Conv2D(weight, scale, bias, **options)


CONV_2D = Operator(
    name="CONV_2D",
    inputs=(X, WEIGHT, BIAS),
    reference="conv2d_float",
    decode=decode,
    shape=shape,
    view=view,
    bind=bind,
    pack=pack,
    takes_tail=True,
    narrows=True,
    macs=macs,
    weight_axis=0,
    quantized=Quantized("conv2d", layer, from_float=True, takes_tail=True),
)
