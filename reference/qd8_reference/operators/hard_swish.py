"""HARD_SWISH."""

import numpy as np

from .. import arguments
from ..activation import maximum, minimum
from ..float16 import store, widen
from ..fma import fma
from ..types import Float

SIXTH = np.float32(1 / 6)


def hard_swish(x: Float) -> Float:
    """Return ``x`` times ``x / 6 + 1 / 2`` kept within 0 and 1 (R28).

    Scaled before it is clamped, so that nothing overflows: ``x * relu6(x + 3) / 6``
    does from 5.7e37 on. Minus infinity gives NaN, as there.
    """
    x = arguments.activations("x", x)
    wide = widen(x)
    gate = fma(wide, SIXTH, np.float32(0.5))  # R28
    gate = minimum(maximum(gate, np.float32(0)), np.float32(1))
    with np.errstate(all="ignore"):
        return store(wide * gate, x.dtype)
