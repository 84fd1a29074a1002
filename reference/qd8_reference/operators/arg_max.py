"""ARG_MAX."""

import numpy as np
import numpy.typing as npt

from .. import arguments, tensors
from ..types import Tensor


def arg_max(x: Tensor, *, axis: int, dtype: npt.DTypeLike = np.int32) -> Tensor:
    """Return where along ``axis`` the largest element is, the first of equals (R35).

    Parameters
    ----------
    x : float32, float16, int32 or int64
        If there is a NaN, the first NaN wins. -0.0 and +0.0 are equal here.
    axis : int
        It is not in the result.
    dtype : int32 or int64
    """
    x = tensors.tensor("x", x, tensors.NUMBERS)
    axis = arguments.axis(axis, x.ndim)
    if x.shape[axis] == 0:
        raise ValueError(f"x is {x.shape}; there is nothing along axis {axis}")
    dtype = tensors.one_of("dtype", dtype, tensors.INTEGERS)
    return np.asarray(np.argmax(x, axis=axis)).astype(dtype)
