"""LOGISTIC."""

from .. import arguments
from ..exponential import sigmoid
from ..float16 import store, widen
from ..types import Float


def logistic(x: Float) -> Float:
    """Return ``1 / (1 + exp(-x))``, of float32 or float16 (R25)."""
    x = arguments.activations("x", x)
    return store(sigmoid(widen(x)), x.dtype)
