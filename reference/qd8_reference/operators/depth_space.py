"""SPACE_TO_DEPTH and DEPTH_TO_SPACE."""

from .. import arguments, tensors
from ..types import Tensor


def space_to_depth(x: Tensor, *, block_size: int) -> Tensor:
    """Return each block of pixels as one pixel, row by row, channels fastest (R36).

    ``x`` is (N, H, W, C) of any stored dtype; the result is
    (N, H / block_size, W / block_size, block_size * block_size * C).
    """
    x, size = _image(x, block_size)
    n, h, w, c = x.shape
    if h % size or w % size:
        raise ValueError(f"x is {x.shape}; it does not divide into blocks of {size}")
    blocks = x.reshape(n, h // size, size, w // size, size, c)
    moved = blocks.transpose(0, 1, 3, 2, 4, 5)
    return moved.reshape(n, h // size, w // size, size * size * c).copy()


def depth_to_space(x: Tensor, *, block_size: int) -> Tensor:
    """Return each pixel as a block of pixels: the inverse of ``space_to_depth``.

    ``x`` is (N, H, W, block_size * block_size * C) of any stored dtype; the result is
    (N, H * block_size, W * block_size, C).
    """
    x, size = _image(x, block_size)
    n, h, w, c = x.shape
    if c % (size * size):
        raise ValueError(f"x is {x.shape}; {c} channels are no blocks of {size}")
    blocks = x.reshape(n, h, w, size, size, c // (size * size))
    moved = blocks.transpose(0, 1, 3, 2, 4, 5)
    return moved.reshape(n, h * size, w * size, c // (size * size)).copy()


def _image(x: object, block_size: object) -> tuple[Tensor, int]:
    """Return an array of four dimensions and a block size of at least 1."""
    if not arguments.is_integer(block_size) or block_size < 1:
        raise ValueError(f"block_size is {block_size!r}; it must be at least 1")
    return tensors.tensor("x", x, rank=4), int(block_size)
