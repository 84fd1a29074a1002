"""ONE_HOT."""

import numpy as np
import numpy.typing as npt

from .. import arguments, tensors
from ..types import Tensor


def one_hot(
    indices: Tensor,
    *,
    depth: int,
    on: float = 1,
    off: float = 0,
    axis: int = -1,
    dtype: npt.DTypeLike = np.float32,
) -> Tensor:
    """Return ``on`` where an index equals the place along ``axis``, else ``off``.

    Parameters
    ----------
    indices : int32 or int64
        One outside 0 and ``depth - 1`` is nowhere on.
    depth : int, at least 0
        The extent of the new axis.
    on, off : numbers, rounded to ``dtype``
    axis : int
        The place of the new axis in the result; -1 is the last.
    dtype : any stored dtype
    """
    indices = tensors.tensor("indices", indices, tensors.INTEGERS)
    (extent,) = tensors.integers("depth", (depth,), at_least=0)
    axis = arguments.axis(axis, indices.ndim + 1)
    places = np.arange(extent).reshape([-1] + [1] * (indices.ndim - axis))
    hot = np.expand_dims(indices, axis) == places
    dtype = tensors.one_of("dtype", dtype, tensors.STORED)
    return np.where(hot, np.array(on, dtype), np.array(off, dtype))
