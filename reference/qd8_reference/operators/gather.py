"""GATHER and EMBEDDING_LOOKUP: rows of a table."""

import numpy as np

from .. import arguments, tensors
from ..types import F32, I32, Tensor
from .dequantize import dequantize


def gather(
    params: Tensor,
    indices: Tensor,
    *,
    axis: int = 0,
    batch_dims: int = 0,
    scale: F32 | None = None,
    zero_point: int | I32 = 0,
) -> Tensor:
    """Return the elements of ``params`` at ``indices`` along ``axis`` (R37).

    Parameters
    ----------
    params : any stored dtype
    indices : int32 or int64
    axis : int, at least ``batch_dims``
    batch_dims : int
        So many leading axes are common to both and not gathered from.
    scale : float32 (params.shape[axis],), (1,) or (), or None
        Of int8 ``params``, which are then dequantized (R27).
    zero_point : int or int32, likewise

    Returns
    -------
    params.shape[:axis] + indices.shape[batch_dims:] + params.shape[axis + 1:]
        of the dtype of ``params``, or float32 with ``scale``. What an index outside
        the axis selects is NaN, or 0 where there is no NaN.
    """
    params = tensors.tensor("params", params)
    indices = tensors.tensor("indices", indices, tensors.INTEGERS)
    axis = arguments.axis(axis, params.ndim)
    if scale is not None:
        # Every element is dequantized by itself, so it can be done beforehand.
        params = dequantize(params, scale=scale, zero_point=zero_point, axis=axis)
    batch = batch_dims
    if not arguments.is_integer(batch) or not 0 <= batch <= min(axis, indices.ndim):
        raise ValueError(
            f"batch_dims is {batch!r}; it must be within 0 and "
            f"{min(axis, indices.ndim)}: axis is {axis}, indices is {indices.shape}"
        )
    if params.shape[:batch] != indices.shape[:batch]:
        raise ValueError(
            f"params is {params.shape} and indices is {indices.shape}; "
            f"their first {batch} extents must be the same"
        )
    n = params.shape[axis]
    inside = (indices >= 0) & (indices < n)
    nothing = np.nan if params.dtype in tensors.FLOATS else 0
    shape = params.shape[:axis] + indices.shape[batch:] + params.shape[axis + 1 :]
    found = np.full(shape, nothing, params.dtype)
    between = (slice(None),) * (axis - batch)
    for place in np.argwhere(inside):  # R37
        outer, inner = tuple(place[:batch]), tuple(place[batch:])
        selected = params[(*outer, *between, indices[tuple(place)])]
        found[(*outer, *between, *inner)] = selected
    return found


def embedding_lookup(
    indices: Tensor,
    params: Tensor,
    *,
    scale: F32 | None = None,
    zero_point: int | I32 = 0,
) -> Tensor:
    """Return the rows of ``params`` at ``indices``: ``gather`` along axis 0 (R37).

    The arguments are in TFLite's order; ``scale`` is one for each row, or one.
    """
    return gather(params, indices, scale=scale, zero_point=zero_point)
