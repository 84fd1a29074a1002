"""MAX_POOL_2D and AVERAGE_POOL_2D over the taps inside the image (R23)."""

from typing import Any

from . import fields
from .operator import Array, Arrays, Given, Operator, Options, Shape, X, kernel
from .window import image, resolved, window_size


def decode(given: Given) -> Options:
    assert given.shapes[0] is not None
    _, h, w, _ = image(given.shapes[0])
    window = fields.pair(given, "filter_height", "filter_width", 0)
    # A SAME window this large covers the image from everywhere; only damaged
    # files say more, and a kernel would walk over all of its taps.
    if window[0] > 2 * h or window[1] > 2 * w:
        raise ValueError(f"its window {window} is over twice the image {h, w}")
    return {
        "window": window,
        "stride": fields.pair(given, "stride_h", "stride_w", 0),
        "padding": fields.padding(given),
        "activation": fields.activation(given),
    }


def shape(given: Given, options: Options) -> Shape:
    assert given.shapes[0] is not None
    n, h, w, c = image(given.shapes[0])
    size = window_size((h, w), options["window"], options["stride"], options["padding"])
    return (n, *size, c)


def bind_max(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    options = resolved(options, arrays[0].shape[1:3], options["window"])
    return bind_resolved_max(arrays, out, options, threads)


def bind_average(
    arrays: Arrays, out: Array, options: Options, threads: int
) -> list[Any]:
    options = resolved(options, arrays[0].shape[1:3], options["window"])
    return bind_resolved_average(arrays, out, options, threads)


bind_resolved_max = kernel("float_pool.bind_max_pool_2d")
bind_resolved_average = kernel("float_pool.bind_average_pool_2d")

MAX_POOL_2D, AVERAGE_POOL_2D = (
    Operator(
        name=name.upper(),
        inputs=(X,),
        reference=name,
        decode=decode,
        shape=shape,
        bind=bind,
    )
    for name, bind in (
        ("max_pool_2d", bind_max),
        ("average_pool_2d", bind_average),
    )
)
