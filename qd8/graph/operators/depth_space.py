"""SPACE_TO_DEPTH and DEPTH_TO_SPACE: blocks of pixels as channels (R36)."""

from .operator import ANY_X, Given, Operator, Options, Shape, kernel
from .window import image


def decode(given: Given) -> Options:
    image(given.x)
    size = int(given.options.get("block_size", 0))
    if not 1 <= size <= 2**15:
        raise ValueError(f"its block_size is {size}; 1 or more is needed")
    return {"block_size": size}


def deep(given: Given, options: Options) -> Shape:
    n, h, w, c = image(given.x)
    size = options["block_size"]
    if h % size or w % size:
        raise ValueError(f"its input {given.x} does not divide into blocks of {size}")
    return n, h // size, w // size, c * size * size


def wide(given: Given, options: Options) -> Shape:
    n, h, w, c = image(given.x)
    size = options["block_size"]
    if c % (size * size):
        raise ValueError(f"its input {given.x} holds no blocks of {size}x{size} pixels")
    return n, h * size, w * size, c // (size * size)


SPACE_TO_DEPTH, DEPTH_TO_SPACE = (
    Operator(
        name=name.upper(),
        inputs=(ANY_X,),
        reference=name,
        decode=decode,
        shape=shape,
        bind=kernel(f"movement.bind_{name}"),
    )
    for name, shape in (("space_to_depth", deep), ("depth_to_space", wide))
)
