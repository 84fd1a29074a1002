"""What batch matmul takes for its matrices."""

import numpy as np

from . import tensors
from .types import Tensor


def matrices(a: Tensor, b: Tensor, adj_x: bool, adj_y: bool) -> tuple[Tensor, Tensor]:
    """Return (..., M, K) and (..., K, N), if that is what ``a`` and ``b`` are."""
    if a.ndim < 2 or b.ndim < 2:
        raise ValueError(f"a is {a.shape} and b is {b.shape}; they must be matrices")
    x = np.swapaxes(a, -1, -2) if adj_x else a
    y = np.swapaxes(b, -1, -2) if adj_y else b
    if x.shape[-1] != y.shape[-2] or x.shape[-1] == 0:
        raise ValueError(
            f"a is {a.shape}, b is {b.shape}, adj_x is {adj_x} and adj_y is {adj_y}: "
            f"K is {x.shape[-1]} there and {y.shape[-2]} here; it must be at least 1"
        )
    tensors.broadcast(a=a.shape[:-2], b=b.shape[:-2])
    return x, y
