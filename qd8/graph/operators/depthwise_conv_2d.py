"""DEPTHWISE_CONV_2D: in float; int8 weights are dequantized at load (R30).

XNNPACK has no dynamically quantized depthwise convolution either: LiteRT cuts its
graph around each and runs a kernel of its own.
"""

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
    Shape,
    X,
    kernel,
)
from .window import image, resolved, window_size


def decode(given: Given) -> Options:
    x, weight = given.shapes[:2]
    if x is None or weight is None or len(weight) != 4 or weight[0] != 1:
        raise ValueError(f"its weight is {weight}; (1, KH, KW, O) is needed")
    channels = image(x)[3]
    if weight[3] % channels:
        raise ValueError(
            f"its weight is {weight} but its input {x} has {channels} channels; "
            f"{weight[3]} is no multiple of that"
        )
    multiplier = given.options.get("depth_multiplier", 0)
    # TFLite's own kernels believe the shapes; 0 is what older converters wrote.
    if multiplier and multiplier * channels != weight[3]:
        raise ValueError(
            f"its depth_multiplier is {multiplier}, its shapes say "
            f"{weight[3] // channels}"
        )
    return {
        "stride": fields.pair(given, "stride_h", "stride_w", 0),
        "padding": fields.padding(given),
        "dilation": fields.pair(given, "dilation_h_factor", "dilation_w_factor", 1),
        "activation": fields.activation(given),
    }


def shape(given: Given, options: Options) -> Shape:
    shapes: Any = given.shapes
    n, h, w, _ = image(shapes[0])
    _, kh, kw, outputs = shapes[1]
    if shapes[2] is not None and math.prod(shapes[2]) != outputs:
        raise ValueError(f"its bias is {shapes[2]}; ({outputs},) is needed")
    size = window_size(
        (h, w), (kh, kw), options["stride"], options["padding"], options["dilation"]
    )
    return (n, *size, outputs)


def macs(shapes: Sequence[Any], output: Shape) -> int:
    return int(math.prod(output) * shapes[1][1] * shapes[1][2])


def view(arrays: Arrays, options: Options) -> Arrays:
    x, weight, bias = arrays
    return x, weight, None if bias is None else bias.reshape(-1)


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    size, window = arrays[0].shape[1:3], arrays[1].taps.shape[:2]
    options = resolved(options, size, window, options["dilation"])
    return bind_resolved(arrays, out, options, threads)


bind_resolved = kernel("float_depthwise.bind_depthwise_conv2d")


def pack(weight: Array, options: Options) -> Any:
    from qd8.kernels.float_pack import pack_depthwise_conv2d

    return pack_depthwise_conv2d(weight)


DEPTHWISE_CONV_2D = Operator(
    name="DEPTHWISE_CONV_2D",
    inputs=(X, WEIGHT, BIAS),
    reference="depthwise_conv2d",
    decode=decode,
    shape=shape,
    view=view,
    bind=bind,
    pack=pack,
    takes_tail=True,
    macs=macs,
    weight_axis=3,
)
