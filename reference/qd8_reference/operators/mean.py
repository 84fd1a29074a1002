"""MEAN."""

from collections.abc import Sequence

import numpy as np

from .. import arguments
from ..float16 import store, widen
from ..summation import sum_chain, sum_lanes
from ..types import Float


def mean(x: Float, *, axes: Sequence[int], keepdims: bool = False) -> Float:
    """Return the mean over ``axes``: a sum in the order of R22, a true division.

    Parameters
    ----------
    x : float32 or float16
    axes : distinct integers, negative ones counting from the end, at least one
    keepdims : bool
        Whether the reduced axes stay, with 1 element each.

    Raises
    ------
    ValueError
        If an axis does not exist or is named twice, or nothing is to be reduced.
    """
    x = arguments.activations("x", x)
    if not isinstance(axes, tuple | list) or not axes:
        raise ValueError(f"axes is {axes!r}; it must name at least one axis")
    reduced = sorted(arguments.axis(axis, x.ndim, "axes") for axis in axes)
    if len(set(reduced)) < len(reduced):
        raise ValueError(f"axes is {axes!r}; an axis is named twice")
    kept = [axis for axis in range(x.ndim) if axis not in reduced]
    count = int(np.prod([x.shape[axis] for axis in reduced]))
    if count == 0:
        raise ValueError(f"x is {x.shape}; there is nothing to average over {axes!r}")

    kept_shape = tuple(x.shape[axis] for axis in kept)
    if reduced[-1] == x.ndim - 1:  # R22
        total = sum_lanes(
            widen(x).transpose(kept + reduced).reshape(*kept_shape, count)
        )
    else:
        total = sum_chain(
            widen(x).transpose(reduced + kept).reshape(count, *kept_shape)
        )
    with np.errstate(all="ignore"):
        average = np.asarray(total / np.float32(count))
    if keepdims:
        average = np.expand_dims(average, tuple(reduced))
    return store(average, x.dtype)
