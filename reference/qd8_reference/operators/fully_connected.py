"""FULLY_CONNECTED with int8 weights on activations quantized while it runs."""

from .. import arguments
from ..accumulator import centered, dot, wrap
from ..epilogue import epilogue
from ..float16 import store
from ..quantize import quantize_rows
from ..steps import Steps
from ..types import F32, I8, Float


def fully_connected(
    x: Float,
    weight: I8,
    weight_scale: F32,
    bias: F32 | None = None,
    *,
    activation: str = "none",
) -> Float:
    """Return ``activation(x @ (weight * weight_scale).T + bias)``, ``x`` quantized.

    Parameters
    ----------
    x : (..., K) float32 or float16
    weight : (N, K) int8
    weight_scale : (N,), (1,) or () float32      positive, normal, finite
    bias : (N,) float32 or None                  finite
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Returns
    -------
    (..., N) of the dtype of ``x``
        NaN in every output of a row without a finite range (R10).

    Raises
    ------
    TypeError, ValueError
        For what is not as said above.
    """
    steps = fully_connected_steps(x, weight, weight_scale, bias, activation=activation)
    return steps.output


def fully_connected_steps(
    x: Float,
    weight: I8,
    weight_scale: F32,
    bias: F32 | None = None,
    *,
    activation: str = "none",
) -> Steps:
    """Return what ``fully_connected`` computes on its way, and its output."""
    x = arguments.rows("x", x)
    weight = arguments.quantized_weights(weight, rank=2)
    channels, inputs = weight.shape
    if x.shape[-1] != inputs:
        raise ValueError(f"weight is {weight.shape} but x has K = {x.shape[-1]}")
    weight_scale = arguments.weight_scales(weight_scale, channels)
    bias = arguments.quantized_biases(bias, channels)

    values, zero_point, scale = quantize_rows(x)  # R5-R11
    accumulator = wrap(dot(centered(values, zero_point[..., None]), weight))  # R13
    y = epilogue(accumulator, scale[..., None], weight_scale, bias, activation)  # R14
    return Steps(values, zero_point, scale, accumulator, store(y, x.dtype))  # R15
