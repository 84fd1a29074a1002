"""FULLY_CONNECTED in float."""

from .. import arguments
from ..activation import clamp
from ..chain import bias_first, chain
from ..float16 import store, widen
from ..types import F32, Float


def fully_connected_float(
    x: Float, weight: Float, bias: F32 | None = None, *, activation: str = "none"
) -> Float:
    """Return ``activation(x @ weight.T + bias)``, one FMA chain per output (R20).

    Parameters
    ----------
    x : (..., K) float32 or float16
    weight : (N, K) float32 or float16
    bias : (N,) float32 or None
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (..., N) of the dtype of ``x``
    """
    x = arguments.rows("x", x)
    weight = arguments.weights("weight", weight, 2, arguments.FLOATS)
    channels, inputs = weight.shape
    if x.shape[-1] != inputs:
        raise ValueError(f"weight is {weight.shape} but x has K = {x.shape[-1]}")
    bias = arguments.biases(bias, channels)

    sums = chain(
        bias_first(bias, (*x.shape[:-1], channels)), widen(x), widen(weight)
    )  # R20
    return store(clamp(sums, activation), x.dtype)
