"""SOFTMAX."""

import numpy as np

from .. import arguments
from ..exponential import vanishing
from ..float16 import store, widen
from ..fma import SMALLEST_NORMAL
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
        e = vanishing(t - t.max(axis=-1, keepdims=True))
        s = sum_lanes(e)[..., None]
        # No quotient is subnormal: those are 0.
        e = np.where(e < s * SMALLEST_NORMAL, np.float32(0), e)
        y = e / s
    return store(y, x.dtype)
