"""From an output pixel to a place in the input: what both resizes share (R38)."""

import numpy as np

from . import tensors
from .types import F32, Pair, Tensor


def image_and_size(
    x: object, size: object, align_corners: object, half_pixel_centers: object
) -> tuple[Tensor, Pair]:
    """Return (N, H, W, C) and (OH, OW) of at least 1, if the conventions agree."""
    image = tensors.tensor("x", x, rank=4)
    if 0 in image.shape[1:]:
        raise ValueError(f"x is {image.shape}; H, W and C must be at least 1")
    if align_corners and half_pixel_centers:
        raise ValueError("align_corners and half_pixel_centers exclude each other")
    height, width = tensors.integers("size", size, 2, at_least=1)
    return image, (height, width)


def places_and_scale(n: int, output: int, align_corners: bool) -> tuple[F32, F32]:
    """Return (0, 1, ..., output - 1) and input elements per output element (R38)."""
    corners = align_corners and output > 1
    scale = np.float32(n - corners) / np.float32(output - corners)
    return np.arange(output).astype(np.float32), np.asarray(scale)
