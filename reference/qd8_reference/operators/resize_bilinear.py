"""RESIZE_BILINEAR."""

import numpy as np

from .. import arguments
from ..float16 import store, widen
from ..resize import image_and_size, places_and_scale
from ..types import F32, I64, Float, Pair


def resize_bilinear(
    x: Float,
    *,
    size: Pair,
    align_corners: bool = False,
    half_pixel_centers: bool = False,
) -> Float:
    """Return ``x`` in another size, interpolated along rows, then columns (R38).

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16
    size : (OH, OW), at least 1
    align_corners, half_pixel_centers : bool, not both

    Returns
    -------
    (N, OH, OW, C) of the dtype of ``x``

    Notes
    -----
    Source: XNNPACK 75db3c093, src/indirection.c (places), src/f32-ibilinear/sse.c.in.
    """
    arguments.activations("x", x, rank=4)
    image, (height, width) = image_and_size(x, size, align_corners, half_pixel_centers)
    conventions = align_corners, half_pixel_centers
    top, bottom, down = _neighbours(image.shape[1], height, *conventions)
    left, right, across = _neighbours(image.shape[2], width, *conventions)
    wide = widen(image)
    upper = _lerp(wide[:, top][:, :, left], wide[:, top][:, :, right], across[:, None])
    lower = _lerp(
        wide[:, bottom][:, :, left], wide[:, bottom][:, :, right], across[:, None]
    )
    return store(_lerp(upper, lower, down[:, None, None]), x.dtype)


def _neighbours(
    n: int, output: int, align_corners: bool, half_pixel_centers: bool
) -> tuple[I64, I64, F32]:
    """Return for each output the inputs on both sides, and the way between (R38)."""
    place, scale = places_and_scale(n, output, align_corners)
    at = place * scale
    if half_pixel_centers:
        at = at + (np.float32(0.5) * scale - np.float32(0.5))
    at = np.minimum(np.maximum(at, np.float32(0)), np.float32(n - 1))
    before = np.floor(at)
    first = before.astype(np.int64)
    return first, np.minimum(first + 1, n - 1), at - before


def _lerp(a: F32, b: F32, weight: F32) -> F32:
    """Return ``a + (b - a) * weight``, each operation rounded."""
    with np.errstate(all="ignore"):
        return a + (b - a) * weight
