"""PAD."""

from collections.abc import Sequence

import numpy as np

from .. import arguments
from ..float16 import store, widen
from ..types import Float, Pair


def pad(x: Float, *, paddings: Sequence[Pair], value: float = 0.0) -> Float:
    """Return ``x`` with ``value`` before and after it along each axis.

    Parameters
    ----------
    x : float32 or float16
    paddings : (before, after) for each axis, integers of at least 0
    value : float
        Rounded to the dtype of ``x``.
    """
    x = arguments.activations("x", x)
    good = isinstance(paddings, tuple | list) and len(paddings) == x.ndim
    for sides in paddings if good else ():
        good = good and isinstance(sides, tuple | list) and len(sides) == 2
        good = good and all(arguments.is_integer(n) and n >= 0 for n in sides)
    if not good:
        raise ValueError(
            f"paddings is {paddings!r}; it must be {x.ndim} pairs (before, after) "
            "of integers of at least 0"
        )
    with np.errstate(over="ignore"):
        fill = np.float32(x.dtype.type(value))
    return store(np.pad(widen(x), paddings, constant_values=fill), x.dtype)
