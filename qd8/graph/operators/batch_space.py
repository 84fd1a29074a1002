"""SPACE_TO_BATCH_ND and its inverse: how older converters write dilation (R36)."""

import math

from . import fields
from .operator import ANY_X, INTEGERS, Given, Input, Operator, Options, Shape, kernel

BLOCK = Input("block_shape", dtypes=INTEGERS, constant=True, option=True)
PADDINGS = Input("paddings", dtypes=INTEGERS, constant=True, option=True)
CROPS = Input("crops", dtypes=INTEGERS, constant=True, option=True)


def decode_block(given: Given) -> tuple[int, ...]:
    block = fields.needed(given, "block_shape")
    if not 1 <= len(block) < len(given.x) or any(
        not 1 <= n <= fields.LARGEST for n in block
    ):
        raise ValueError(f"its block_shape is {block}; its input is {given.x}")
    return block


def decode(given: Given) -> Options:
    block = decode_block(given)
    paddings = fields.pairs(given, "paddings", len(block))
    for n, size, sides in zip(given.x[1:], block, paddings, strict=False):
        if (n + sum(sides)) % size:
            raise ValueError(
                f"its input {given.x}, padded by {paddings}, does not divide into "
                f"blocks of {block}"
            )
    return {"block_shape": block, "paddings": paddings}


def batched(given: Given, options: Options) -> Shape:
    block, paddings = options["block_shape"], options["paddings"]
    spatial = tuple(
        (n + sum(sides)) // size
        for n, size, sides in zip(given.x[1:], block, paddings, strict=False)
    )
    return (given.x[0] * math.prod(block), *spatial, *given.x[1 + len(block) :])


def decode_crops(given: Given) -> Options:
    block = decode_block(given)
    crops = fields.pairs(given, "crops", len(block))
    if given.x[0] % math.prod(block):
        raise ValueError(f"its input {given.x} is no batch of blocks of {block}")
    for n, size, sides in zip(given.x[1:], block, crops, strict=False):
        if sum(sides) > n * size:
            raise ValueError(f"its crops {crops} are more than there is of {given.x}")
    return {"block_shape": block, "crops": crops}


def spread(given: Given, options: Options) -> Shape:
    block, crops = options["block_shape"], options["crops"]
    spatial = tuple(
        n * size - sum(sides)
        for n, size, sides in zip(given.x[1:], block, crops, strict=False)
    )
    return (given.x[0] // math.prod(block), *spatial, *given.x[1 + len(block) :])


SPACE_TO_BATCH_ND = Operator(
    name="SPACE_TO_BATCH_ND",
    inputs=(ANY_X, BLOCK, PADDINGS),
    reference="space_to_batch_nd",
    decode=decode,
    shape=batched,
    bind=kernel("movement.bind_space_to_batch_nd"),
)
BATCH_TO_SPACE_ND = Operator(
    name="BATCH_TO_SPACE_ND",
    inputs=(ANY_X, BLOCK, CROPS),
    reference="batch_to_space_nd",
    decode=decode_crops,
    shape=spread,
    bind=kernel("movement.bind_batch_to_space_nd"),
)
