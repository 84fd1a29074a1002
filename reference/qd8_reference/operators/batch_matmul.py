"""BATCH_MATMUL of two activations."""

import numpy as np

from .. import tensors
from ..float16 import store, widen
from ..fma import fma
from ..matrices import matrices
from ..types import Float


def batch_matmul(
    a: Float, b: Float, *, adj_x: bool = False, adj_y: bool = False
) -> Float:
    """Return the matrix products ``a @ b``, one FMA chain per output (R39).

    Parameters
    ----------
    a : (..., M, K) float32 or float16, or (..., K, M) with ``adj_x``
    b : (..., K, N) of the same dtype, or (..., N, K) with ``adj_y``
        The axes before the last two broadcast.

    Returns
    -------
    (..., M, N) of the dtype of ``a``
    """
    a = tensors.tensor("a", a, tensors.FLOATS)
    b = tensors.tensor("b", b, tensors.FLOATS)
    if a.dtype != b.dtype:
        raise TypeError(f"a is {a.dtype} and b is {b.dtype}; they must be of one dtype")
    x, y = matrices(a, b, adj_x, adj_y)
    x, y = widen(x), widen(y)
    batch = tensors.broadcast(a=x.shape[:-2], b=y.shape[:-2])
    sums = np.zeros((*batch, x.shape[-2], y.shape[-1]), np.float32)
    for k in range(x.shape[-1]):  # R39
        sums = fma(x[..., :, k, None], y[..., None, k, :], sums)
    return store(sums, a.dtype)
