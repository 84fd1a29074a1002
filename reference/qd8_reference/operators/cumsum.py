"""CUMSUM."""

import numpy as np

from .. import arguments, tensors
from ..float16 import store, widen
from ..types import Tensor


def cumsum(
    x: Tensor, *, axis: int, exclusive: bool = False, reverse: bool = False
) -> Tensor:
    """Return the sums of all elements up to each one along ``axis`` (R35).

    Parameters
    ----------
    x : float32, float16, int32 or int64
        One chain of additions from +0.0; integers wrap.
    axis : int
    exclusive : bool
        Whether the element itself is left out.
    reverse : bool
        Whether it is counted from the end.
    """
    x = tensors.tensor("x", x, tensors.NUMBERS)
    axis = arguments.axis(axis, x.ndim)
    integer = x.dtype in tensors.INTEGERS
    terms = np.moveaxis(x if integer else widen(x), axis, 0)
    sums = np.empty_like(terms)
    total = np.zeros(terms.shape[1:], terms.dtype)
    places = range(len(terms))
    with np.errstate(all="ignore"):
        for i in reversed(places) if reverse else places:
            before, total = total, total + terms[i]
            sums[i] = before if exclusive else total
    sums = np.moveaxis(sums, 0, axis).copy()
    return sums if integer else store(sums, x.dtype)
