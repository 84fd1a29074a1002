"""MAX_POOL_2D and AVERAGE_POOL_2D over the taps inside the image (R23)."""

from typing import Any

from . import fields
from .operator import Array, Arrays, Given, Operator, Options, Shape, X
from .window import image, window_size


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
    from qd8.kernels.float_pool import bind_max_pool_2d

    return bind_max_pool_2d(*arrays, out, **options, threads=threads)


def bind_average(
    arrays: Arrays, out: Array, options: Options, threads: int
) -> list[Any]:
    from qd8.kernels.float_pool import bind_average_pool_2d

    return bind_average_pool_2d(*arrays, out, **options, threads=threads)


MAX_POOL_2D, AVERAGE_POOL_2D = (
    Operator(
        name=name,
        inputs=(X,),
        reference=name.lower(),
        decode=decode,
        shape=shape,
        bind=bind,
    )
    for name, bind in (("MAX_POOL_2D", bind_max), ("AVERAGE_POOL_2D", bind_average))
)
