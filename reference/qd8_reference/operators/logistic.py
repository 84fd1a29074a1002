"""LOGISTIC."""

import numpy as np

from .. import arguments
from ..exponential import exponential
from ..float16 import store, widen
from ..types import Float


def logistic(x: Float) -> Float:
    """Return ``1 / (1 + exp(-x))``, of float32 or float16 (R25).

    The exponential of a negative number only is taken, so nothing overflows.
    """
    x = arguments.activations("x", x)
    wide = widen(x)
    e = exponential(-np.abs(wide))  # R25
    with np.errstate(all="ignore"):
        d = np.float32(1) + e
        y = np.where(wide >= 0, np.float32(1), e) / d  # NaN: e is NaN
    return store(y, x.dtype)
