"""SOFTMAX."""

import numpy as np

from .. import arguments
from ..exponential import exponential
from ..float16 import store, widen
from ..summation import sum_lanes
from ..types import Float


def softmax(x: Float, *, beta: float = 1.0) -> Float:
    """Return ``exp(beta x)`` over its sum along the last axis (R26).

    Parameters
    ----------
    x : (..., K) float32 or float16
    beta : float, finite
        Rounded to float32.

    Returns
    -------
    (..., K) of the dtype of ``x``
        NaN in a row that holds NaN or +infinity, or nothing but -infinity.
    """
    x = arguments.rows("x", x)
    factor = np.float32(arguments.finite("beta", beta))
    with np.errstate(all="ignore"):
        t = widen(x) * factor  # R26
        e = exponential(t - t.max(axis=-1, keepdims=True))
        y = e / sum_lanes(e)[..., None]
    return store(y, x.dtype)
