"""RESHAPE."""

import math
from collections.abc import Sequence

from .. import arguments, tensors
from ..types import Tensor


def reshape(x: Tensor, *, shape: Sequence[int]) -> Tensor:
    """Return the elements of ``x`` in row-major order in another shape (R36).

    Parameters
    ----------
    x : any stored dtype
    shape : integers of at least 0, one of which may be -1: as many as remain
    """
    x = tensors.tensor("x", x)
    good = isinstance(shape, tuple | list)
    good = good and all(arguments.is_integer(n) and n >= -1 for n in shape)
    if not good or list(shape).count(-1) > 1:
        raise ValueError(
            f"shape is {shape!r}; it must be integers of at least 0, one may be -1"
        )
    known = math.prod(n for n in shape if n != -1)
    fits = known > 0 and x.size % known == 0 if -1 in shape else known == x.size
    if not fits:
        raise ValueError(f"x is {x.shape}, {x.size} elements; it cannot be {shape!r}")
    return x.reshape(shape, order="C").copy()
