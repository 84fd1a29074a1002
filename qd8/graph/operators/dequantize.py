"""DEQUANTIZE of a constant: float weights stored as int8 or float16 (R27).

It is folded when the graph is built. Dequantizing an activation belongs to
full-integer files, which qd8 does not run yet.
"""

import numpy as np

from .operator import Array, Given, Input, Operator, Options, same_shape


def dequantize(
    data: Array, scale: Array | None, zero_point: Array | None, axis: int
) -> Array:
    """Return the real numbers that stored ones stand for (R27).

    Parameters
    ----------
    data : int8, float16 or float32
    scale : (n,) float32, None for a float
    zero_point : (n,) integers, None for a float
    axis : int
        The axis of n extents, when n > 1.

    Returns
    -------
    float32 of the shape of ``data``
    """
    if scale is None or zero_point is None:
        return data.astype(np.float32)
    along = [1] * data.ndim
    if scale.size > 1:
        along[axis] = scale.size
    factors = scale.astype(np.float32).reshape(along)
    with np.errstate(all="ignore"):
        if data.dtype == np.int8 and not zero_point.any():
            return np.multiply(data, factors, dtype=np.float32)
        steps = data.astype(np.int32) - zero_point.astype(np.int32).reshape(along)
        return steps.astype(np.float32) * factors


def dtype(given: Given, options: Options) -> str:
    return "FLOAT32"


DEQUANTIZE = Operator(
    name="DEQUANTIZE",
    inputs=(Input("x", dtypes=("INT8", "FLOAT16", "FLOAT32"), constant=True),),
    reference="dequantize",
    dtype=dtype,
    shape=same_shape,
    fold=dequantize,
)
