"""CAST between the two storages, as it stands at the edges of a model (R30)."""

import numpy as np

from .. import arguments
from ..float16 import store, widen
from ..types import Float


def cast(x: Float) -> Float:
    """Return float32 ``x`` rounded to float16, or float16 ``x`` widened (R4)."""
    x = arguments.activations("x", x)
    if x.dtype == np.float16:
        return widen(x)
    return store(widen(x), np.float16)
