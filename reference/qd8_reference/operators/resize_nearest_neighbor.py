"""RESIZE_NEAREST_NEIGHBOR."""

import numpy as np

from ..resize import image_and_size, places_and_scale
from ..types import I64, Pair, Tensor


def resize_nearest_neighbor(
    x: Tensor,
    *,
    size: Pair,
    align_corners: bool = False,
    half_pixel_centers: bool = False,
) -> Tensor:
    """Return ``x`` in another size, each pixel being one of its pixels (R38).

    Parameters
    ----------
    x : (N, H, W, C) of any stored dtype
    size : (OH, OW), at least 1
    align_corners, half_pixel_centers : bool, not both
    """
    image, (height, width) = image_and_size(x, size, align_corners, half_pixel_centers)
    conventions = align_corners, half_pixel_centers
    rows = _nearest(image.shape[1], height, *conventions)
    columns = _nearest(image.shape[2], width, *conventions)
    return image[:, rows][:, :, columns].copy()


def _nearest(n: int, output: int, align_corners: bool, half_pixel_centers: bool) -> I64:
    """Return for each output the input it copies (R38).

    Source: TensorFlow Lite, reference/resize_nearest_neighbor.h.
    """
    place, scale = places_and_scale(n, output, align_corners)
    at = (place + np.float32(0.5 if half_pixel_centers else 0)) * scale
    if align_corners:
        at = np.floor(at + np.float32(0.5))  # round() of a number not below 0
    nearest: I64 = np.minimum(np.floor(at).astype(np.int64), n - 1)
    return nearest
