"""PAD and PADV2."""

from collections.abc import Sequence

import numpy as np

from .. import arguments, tensors
from ..types import Pair, Tensor


def pad(x: Tensor, *, paddings: Sequence[Pair], value: float = 0) -> Tensor:
    """Return ``x`` with ``value`` before and after it along each axis (R36).

    Parameters
    ----------
    x : any stored dtype
    paddings : (before, after) for each axis, integers of at least 0
    value : number
        Rounded to the dtype of ``x``.
    """
    x = tensors.tensor("x", x)
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
        fill = x.dtype.type(value)
    return np.pad(x, paddings, constant_values=fill)
