"""The int32 accumulator (R13)."""

import numpy as np

from .types import F64, I8, I32, I64


def centered(values: I8, zero_point: I32) -> F64:
    """Return ``values - zero_point`` in float64, ready to be summed.

    ``zero_point`` must already broadcast against ``values``.
    """
    return (values.astype(np.int32) - zero_point).astype(np.float64)


def dot(steps: F64, weight: I8) -> I64:
    """Return the exact sums ``steps (..., K) @ weight (N, K).T`` as int64 (..., N).

    float64 is used as a container of integers only: each product is at most
    255 * 128 and every partial sum below 2^53, so that no order can change a bit.
    """
    assert steps.shape[-1] * 255 * 128 < 2**53
    return (steps @ weight.astype(np.float64).T).astype(np.int64)


def wrap(sums: I64) -> I32:
    """Return exact sums modulo 2^32, as an int32 accumulator holds them (R13)."""
    return sums.astype(np.int32)  # numpy keeps the low 32 bits
