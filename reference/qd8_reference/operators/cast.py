"""CAST: between any two dtypes that a model stores."""

import numpy as np
import numpy.typing as npt

from .. import tensors
from ..float16 import store, widen
from ..types import Tensor


def cast(x: Tensor, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Return ``x`` as ``dtype`` (R29); float32 and float16 by R4.

    Parameters
    ----------
    x : any stored dtype
    dtype : any stored dtype
        None is the other storage of a float, as a precision pass casts (R30).

    Notes
    -----
    From float to an integer: towards zero, to the nearest end of the range if it is
    outside, NaN to 0. Between integers: modulo the width. From an integer to float32:
    to nearest even; to float16: that, rounded again. Anything but 0 is true.
    """
    x = tensors.tensor("x", x)
    if dtype is None:
        tensors.tensor("x", x, tensors.FLOATS)
        dtype = np.float32 if x.dtype == np.float16 else np.float16
    target = np.dtype(tensors.one_of("dtype", dtype, tensors.STORED))
    if target == np.bool_:
        return np.asarray(x != 0)
    if target in tensors.FLOATS:
        return store(widen(x), target)
    if x.dtype not in tensors.FLOATS:
        return x.astype(target)
    lowest, highest = np.iinfo(target).min, np.iinfo(target).max
    whole = np.trunc(x.astype(np.float64))
    # float64 holds every int32 but not the largest int64: 2^63 - 1 reads as 2^63, so
    # what reaches it is not converted, but replaced.
    inside = (whole >= lowest) & (whole < float(highest))
    found = np.where(inside, whole, 0).astype(target)
    found = np.where(whole >= float(highest), highest, found)
    return np.where(whole < lowest, lowest, found).astype(target)
