"""float16 is storage, arithmetic is float32 (R4)."""

import numpy as np
import numpy.typing as npt

from .types import F32, Float


def widen(x: Float) -> F32:
    """Return ``x`` as float32, exactly; float16 subnormals are kept (R4)."""
    return x.astype(np.float32)


def store(y: F32, dtype: npt.DTypeLike) -> Float:
    """Return ``y`` rounded once to ``dtype``, to nearest, ties to even (R4).

    65520 and above becomes infinity in float16, as IEEE 754 has it.
    """
    with np.errstate(all="ignore"):
        stored: Float = y.astype(dtype)
        return stored
