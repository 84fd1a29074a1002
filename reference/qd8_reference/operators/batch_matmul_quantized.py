"""BATCH_MATMUL of activations, quantized while it runs, with int8 weights."""

import numpy as np

from .. import arguments, tensors
from ..accumulator import centered, wrap
from ..environment import require_ieee754
from ..epilogue import epilogue
from ..float16 import store
from ..matrices import matrices
from ..quantize import quantize_rows
from ..steps import Steps
from ..types import F32, I8, Float


def batch_matmul_quantized(
    a: Float,
    b: I8,
    b_scale: F32,
    bias: None = None,
    *,
    adj_x: bool = False,
    adj_y: bool = False,
) -> Float:
    """Return the products ``a @ (b * b_scale)``, each row of ``a`` quantized (R39).

    Parameters
    ----------
    a : (..., M, K) float32 or float16, or (..., K, M) with ``adj_x``
    b : (..., K, N) int8, or (..., N, K) with ``adj_y``
        The axes before the last two broadcast.
    b_scale : (N,), (1,) or () float32      positive, normal, finite
    bias : None
        There is none; the quantized operators are all called with one.

    Returns
    -------
    (..., M, N) of the dtype of ``a``
        NaN in every output of a row without a finite range (R10).
    """
    return batch_matmul_quantized_steps(
        a, b, b_scale, bias, adj_x=adj_x, adj_y=adj_y
    ).output


def batch_matmul_quantized_steps(
    a: Float,
    b: I8,
    b_scale: F32,
    bias: None = None,
    *,
    adj_x: bool = False,
    adj_y: bool = False,
) -> Steps:
    """Return what ``batch_matmul_quantized`` computes on its way, and its output.

    ``values`` is (..., M, K), also with ``adj_x``; ``zero_point`` and ``scale`` are
    (..., M). The leading axes are those of ``a``, before they broadcast.
    """
    require_ieee754()
    if bias is not None:
        raise ValueError("bias is given; a batch matmul has none")
    a = tensors.tensor("a", a, tensors.FLOATS)
    b = tensors.tensor("b", b, (np.int8,))
    x, y = matrices(a, b, adj_x, adj_y)
    channels = y.shape[-1]
    b_scale = arguments.weight_scales(b_scale, channels)
    values, zero_point, scale = quantize_rows(np.ascontiguousarray(x))  # R5-R11
    steps = centered(values, zero_point[..., None])
    assert steps.shape[-1] * 255 * 128 < 2**53  # as in accumulator.dot
    accumulator = wrap((steps @ y.astype(np.float64)).astype(np.int64))  # R13
    bias_of_none = np.zeros(channels, np.float32)
    row_scale = scale[..., None]
    y = epilogue(accumulator, row_scale, b_scale, bias_of_none, "none")  # R14
    return Steps(values, zero_point, scale, accumulator, store(y, a.dtype))  # R15
