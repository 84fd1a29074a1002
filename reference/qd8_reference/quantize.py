"""Dynamic quantization of activations: R5 to R11.

``scale`` is real units per step, ``multiplier`` is steps per real unit. XNNPACK calls
both of them ``inv_scale`` at different times.
"""

from typing import NamedTuple

import numpy as np

from . import arguments
from .float16 import widen
from .fma import flush, reciprocal_flushed
from .types import F32, I8, I32, Float


class QuantizedRows(NamedTuple):
    """Activations in int8, each row (or image) with a range of its own.

    values : (..., K) or (N, H, W, C) int8     steps, in [-128, 127]
    zero_point : (...,) or (N,) int32          the step that stands for 0.0
    scale : (...,) or (N,) float32             real units per step; NaN by R10
    """

    values: I8
    zero_point: I32
    scale: F32

    def dequantize(self) -> F32:
        """Return ``(values - zero_point) * scale`` as float32."""
        inner = (1,) * (self.values.ndim - self.zero_point.ndim)
        zero_point = self.zero_point.reshape(self.zero_point.shape + inner)
        scale = self.scale.reshape(self.scale.shape + inner)
        return (self.values - zero_point).astype(np.float32) * scale


def quantize_rows(x: Float) -> QuantizedRows:
    """Quantize each row, the last axis, with the range it happens to have (R11).

    Parameters
    ----------
    x : (..., K) float32 or float16, K >= 1
        A row without a finite range gives values 0, zero_point 0, scale NaN (R10).

    Returns
    -------
    QuantizedRows
        values (..., K), zero_point (...,), scale (...,).

    Raises
    ------
    TypeError
        If ``x`` is no float32 or float16 array.
    ValueError
        If ``x`` has no last axis or it is empty.
    """
    x = arguments.rows("x", x)
    return _quantize(x, x.shape[:-1], f16_multiplier=False)


def quantize_images(x: Float, *, f16_multiplier: bool = False) -> QuantizedRows:
    """Quantize each image, all its channels together, as convolution does (R11).

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16
        An image without a finite range gives values 0, zero_point 0, scale NaN (R10).
    f16_multiplier : bool
        Internal, for ``f16_scale="xnnpack"`` of convolution: R16.

    Returns
    -------
    QuantizedRows
        values (N, H, W, C), zero_point (N,), scale (N,).
    """
    x = arguments.images("x", x)
    return _quantize(x, x.shape[:1], f16_multiplier=f16_multiplier)


@np.errstate(all="ignore")  # overflow and 0 * inf are part of the rules below
def _quantize(
    x: Float, outer: tuple[int, ...], *, f16_multiplier: bool
) -> QuantizedRows:
    """Quantize the rows of ``x``, one for each index of ``outer``.

    Source: XNNPACK 75db3c093, src/xnnpack/quantization.h:16-80 (parameters),
    src/f32-qs8-vcvt (values).
    """
    row_length = int(np.prod(x.shape[len(outer) :]))
    row = flush(widen(x)).reshape(-1, row_length)  # R2, R4
    zero = np.float32(0)
    rmin = np.minimum(zero, row.min(axis=1))  # R5
    rmax = np.maximum(zero, row.max(axis=1))
    extent = rmax - rmin
    finite = np.isfinite(row).all(axis=1) & np.isfinite(extent)  # R10

    multiplier = np.where(rmin == rmax, np.float32(1), np.float32(255) / extent)  # R6

    dmin = rmin * multiplier  # R7
    dmax = rmax * multiplier
    from_min = (np.float32(-128) + dmin) + (np.float32(127) + dmax) > 0
    z = np.where(from_min, np.float32(-128) - dmin, np.float32(127) - dmax)
    z = np.where(np.isnan(z), np.float32(-128), z)
    zero_point = np.rint(np.minimum(np.maximum(z, np.float32(-128)), np.float32(127)))

    scale = reciprocal_flushed(multiplier)  # R8

    if f16_multiplier:
        multiplier = multiplier.astype(np.float16).astype(np.float32)  # R16
    steps = row * multiplier[:, None]  # R9
    steps = np.where(steps <= 32767, steps, np.float32(32767))  # NaN counts as 32767
    values = np.clip(np.rint(steps) + zero_point[:, None], -128, 127)

    values = np.where(finite[:, None], values, 0)  # R10
    zero_point = np.where(finite, zero_point, 0)
    scale = np.where(finite, scale, np.float32(np.nan))
    return QuantizedRows(
        values.astype(np.int8).reshape(x.shape),
        zero_point.astype(np.int32).reshape(outer),
        scale.astype(np.float32).reshape(outer),
    )
