"""TANH."""

import numpy as np

from .. import arguments
from ..exponential import exponential_minus_one
from ..float16 import store, widen
from ..types import Float


def tanh(x: Float) -> Float:
    """Return the hyperbolic tangent, of float32 or float16 (R32).

    ``tanh |x| = -e / (2 + e)`` with ``e = exp(-2 |x|) - 1``, which neither overflows
    nor cancels; the sign is that of ``x``.
    """
    x = arguments.activations("x", x)
    wide = widen(x)
    with np.errstate(all="ignore"):
        e = exponential_minus_one(np.float32(-2) * np.abs(wide))  # R32
        return store(np.copysign(e / (np.float32(2) + e), wide), x.dtype)
