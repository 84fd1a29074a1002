"""From the int32 accumulator to the output (R14)."""

import numpy as np

from .activation import clamp
from .fma import fma_flushed
from .types import F32, I32


def epilogue(
    accumulator: I32, scale: F32, weight_scale: F32, bias: F32, activation: str
) -> F32:
    """Return the float32 output of a quantized operator.

    Parameters
    ----------
    accumulator : (..., N) int32
    scale : (..., 1) float32                real units per step of each row
    weight_scale, bias : (N,) float32
    activation : str

    Notes
    -----
    ``t`` cannot be subnormal: ``scale`` is 0 or normal and an integer is 0 or >= 1.
    Source: XNNPACK 75db3c093, src/qs8-gemm/MRx8c8-avx2.c.in (mul, then fmadd).
    """
    with np.errstate(all="ignore"):
        t = accumulator.astype(np.float32) * scale  # R14: both round to nearest even
        y = fma_flushed(t, weight_scale, bias)
        return clamp(y, activation)
