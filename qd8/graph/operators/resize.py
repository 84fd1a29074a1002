"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR of images (R38)."""

from . import fields
from .operator import (
    ANY_X,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    X,
    kernel,
)
from .window import image

SIZE = Input("size", dtypes=("INT32",), constant=True, option=True)


def decode(given: Given) -> Options:
    size = fields.needed(given, "size")
    if len(size) != 2 or any(not 1 <= n <= fields.LARGEST for n in size):
        raise ValueError(f"its size is {size}; (height, width) is needed")
    options = {
        name: bool(given.options.get(name, False))
        for name in ("align_corners", "half_pixel_centers")
    }
    if all(options.values()):
        raise ValueError("it says align_corners and half_pixel_centers, not one")
    return {"size": size, **options}


def shape(given: Given, options: Options) -> Shape:
    n, _, _, c = image(given.x)
    height, width = options["size"]
    return n, height, width, c


RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR = (
    Operator(
        name=name.upper(),
        inputs=(x, SIZE),
        reference=name,
        decode=decode,
        shape=shape,
        bind=kernel(f"{module}.bind_{name}", "size"),
        widens=x is X,
    )
    for name, x, module in (
        ("resize_bilinear", X, "float_resize"),
        ("resize_nearest_neighbor", ANY_X, "resize_nearest"),
    )
)
