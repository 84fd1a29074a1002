"""DEQUANTIZE."""

import numpy as np

from .. import arguments
from ..environment import require_ieee754
from ..float16 import widen
from ..types import F16, F32, I8, I32


def dequantize(
    values: I8 | F16,
    *,
    scale: F32 | None = None,
    zero_point: int | I32 = 0,
    axis: int = 0,
) -> F32:
    """Return ``(values - zero_point) * scale`` as float32 (R27).

    Parameters
    ----------
    values : int8, or float16, which is only widened
    scale : float32 (channels,), (1,) or (), positive and finite; None for float16
    zero_point : int or int32 (channels,), (1,) or (), in [-128, 127]
    axis : int
        The axis of channels.
    """
    require_ieee754()
    given = arguments.array("values", values, [np.int8, np.float16])
    if given.dtype == np.float16:
        if scale is not None:
            raise ValueError("values is float16, which has no scale; one was given")
        return widen(given)
    factor = arguments.array("scale", scale, [np.float32])
    if not (np.isfinite(factor) & (factor > 0)).all():
        raise ValueError("scale must be positive and finite everywhere")
    if arguments.is_integer(zero_point) and -128 <= zero_point <= 127:
        zero_point = np.array(zero_point, np.int32)
    offset = arguments.array("zero_point", zero_point, [np.int32])
    if ((offset < -128) | (offset > 127)).any():
        raise ValueError("zero_point must be within -128 and 127 everywhere")
    factor = factor.reshape(_along(axis, given.shape, "scale", factor.shape))
    offset = offset.reshape(_along(axis, given.shape, "zero_point", offset.shape))
    with np.errstate(all="ignore"):
        steps: F32 = (given.astype(np.int32) - offset).astype(np.float32)
        return np.asarray(steps * factor)  # R27


def _along(
    axis: int, values: tuple[int, ...], name: str, parameter: tuple[int, ...]
) -> list[int]:
    """Return the shape in which ``parameter`` broadcasts along ``axis``."""
    if parameter in [(), (1,)]:
        return [1] * len(values)
    axis = arguments.axis(axis, len(values))
    if parameter != (values[axis],):
        raise ValueError(
            f"{name} is {parameter}; it must be ({values[axis]},), "
            f"one for each of axis {axis} of values {values}, or (1,) or ()"
        )
    return [-1 if i == axis else 1 for i in range(len(values))]
