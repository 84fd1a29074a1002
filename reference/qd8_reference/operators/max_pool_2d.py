"""MAX_POOL_2D."""

import numpy as np

from ..activation import clamp, maximum
from ..float16 import store, widen
from ..pooling import pool_geometry
from ..types import Float, Padding, Pair
from ..window import output_size, taps_2d


def max_pool_2d(
    x: Float, *, window: Pair, stride: Pair, padding: Padding, activation: str = "none"
) -> Float:
    """Return the maximum of each window; padding takes no part (R23).

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16
    window, stride : (vertical, horizontal)
    padding : "SAME", "VALID" or ((top, bottom), (left, right)), less than the window
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (N, OH, OW, C) of the dtype of ``x``
        NaN where the window holds a NaN (R3).
    """
    geometry, sides = pool_geometry(x, window, stride, padding)
    image = widen(x)
    shape = (x.shape[0], *output_size(*geometry, sides), x.shape[3])
    largest = np.full(shape, -np.inf, np.float32)
    for _, write, read in taps_2d(geometry, sides):
        largest[:, *write] = maximum(largest[:, *write], image[:, *read])  # R23
    return store(clamp(largest, activation), x.dtype)
