"""TRANSPOSE_CONV: the gradient of a convolution, an image made larger (R40)."""

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
    Input,
    Operator,
    Options,
    Quantized,
    Shape,
    X,
    kernel,
)
from .window import image, window_size

OUTPUT_SHAPE = Input("output_shape", dtypes=("INT32",), constant=True, option=True)


def decode(given: Given) -> Options:
    size = fields.extents(fields.needed(given, "output_shape"), "output_shape")
    weight = given.shapes[1]
    if weight is None or len(weight) != 4:
        raise ValueError(f"its weight is {weight}; (O, KH, KW, I) is needed")
    n, h, w, c = image(given.x)
    # The converter writes the batch of the file; a resized model has its own.
    options: Options = {
        "output_shape": (n, *size[1:]),
        "stride": fields.pair(given, "stride_h", "stride_w", 0),
        "padding": fields.padding(given),
        "activation": fields.activation(given),
    }
    if len(size) != 4 or size[3] != weight[0] or c != weight[3]:
        raise ValueError(
            f"its output_shape is {size}, its weight {weight} and its input {given.x}; "
            "their channels differ"
        )
    found = window_size(
        (size[1], size[2]),
        (weight[1], weight[2]),
        options["stride"],
        options["padding"],
    )
    if found != (h, w):
        raise ValueError(
            f"a convolution of its output_shape {size} makes {found[0]}x{found[1]} "
            f"pixels; its input {given.x} has {h}x{w}"
        )
    return options


def shape(given: Given, options: Options) -> Shape:
    bias, found = given.shapes[2], options["output_shape"]
    if bias is not None and math.prod(bias) != found[3]:
        raise ValueError(f"its bias is {bias}; ({found[3]},) is needed")
    return tuple(found)


def macs(shapes: Sequence[Any], output: Shape) -> int:
    return int(math.prod(shapes[0]) * math.prod(shapes[1][:3]))


def view(arrays: Arrays, options: Options) -> Arrays:
    x, weight, bias = arrays
    return x, weight, None if bias is None else bias.reshape(-1)


def pack(weight: Array, options: Options) -> Any:
    from qd8.kernels.float_pack import pack_conv2d_float

    return pack_conv2d_float(weight)


def layer(weight: Array, scale: Array, bias: Array | None, options: Options) -> Any:
    from qd8.transpose_conv import TransposeConv2D

    return TransposeConv2D(weight, scale, bias, **options)


TRANSPOSE_CONV = Operator(
    name="TRANSPOSE_CONV",
    inputs=(OUTPUT_SHAPE, WEIGHT, X, BIAS),
    order=(2, 1, 3, 0),
    reference="transpose_conv2d",
    decode=decode,
    shape=shape,
    view=view,
    bind=kernel("float_transpose_conv.bind_transpose_conv2d_float", "output_shape"),
    pack=pack,
    takes_tail=True,
    macs=macs,
    weight_axis=0,
    quantized=Quantized("transpose_conv2d_quantized", layer, takes_tail=True),
)
