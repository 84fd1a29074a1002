"""AVERAGE_POOL_2D."""

import numpy as np

from ..activation import clamp
from ..float16 import store, widen
from ..pooling import pool_geometry
from ..types import Float, Padding, Pair
from ..window import output_size, taps_2d


def average_pool_2d(
    x: Float, *, window: Pair, stride: Pair, padding: Padding, activation: str = "none"
) -> Float:
    """Return the average of each window over what lies inside the image (R23).

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16
    window, stride : (vertical, horizontal)
    padding : "SAME", "VALID" or ((top, bottom), (left, right)), less than the window
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (N, OH, OW, C) of the dtype of ``x``
    """
    geometry, sides = pool_geometry(x, window, stride, padding)
    image = widen(x)
    output = output_size(*geometry, sides)
    sums = np.zeros((x.shape[0], *output, x.shape[3]), np.float32)
    count = np.zeros((*output, 1), np.float32)
    with np.errstate(all="ignore"):
        for _, write, read in taps_2d(geometry, sides):
            sums[:, *write] += image[:, *read]  # R23
            count[*write] += 1
        average = sums / count
    return store(clamp(average, activation), x.dtype)
