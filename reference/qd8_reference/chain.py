"""Sums of products of the float operators: one chain of FMAs per output (R20)."""

import numpy as np

from .fma import fma
from .types import F32


def bias_first(bias: F32, shape: tuple[int, ...]) -> F32:
    """Return the start of every chain: its bias, in an array of (..., channels)."""
    return np.broadcast_to(bias, shape).copy()


def chain(sums: F32, x: F32, weight: F32) -> F32:
    """Return ``sums (..., N) + x (..., K) @ weight (N, K).T``, k ascending (R20)."""
    for k in range(x.shape[-1]):
        sums = fma(x[..., k, None], weight[:, k], sums)
    return sums
