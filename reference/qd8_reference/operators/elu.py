"""ELU."""

import numpy as np

from .. import arguments
from ..activation import minimum
from ..exponential import exponential_minus_one
from ..float16 import store, widen
from ..types import Float


def elu(x: Float) -> Float:
    """Return ``x``, or ``exp(x) - 1`` where it is below 0 (R31); NaN, -0.0 stay."""
    x = arguments.activations("x", x)
    wide = widen(x)
    below = exponential_minus_one(minimum(wide, np.float32(0)))
    return store(np.where(wide < 0, below, wide), x.dtype)
