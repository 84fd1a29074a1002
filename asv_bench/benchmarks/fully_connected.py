"""`qd8.FullyConnected` on layers of real nets."""

from . import quantized
from .layers import FULLY_CONNECTED

NAMES = [layer.name for layer in FULLY_CONNECTED]


class Call(quantized.Call):
    """The whole call: quantize, multiply, epilogue."""

    params = (NAMES, ["float32", "float16"], [1, 2])


class Build(quantized.Build):
    """Validate and pack the weights."""

    params = (["bert_base_ffn_128_tokens", "llama_7b_projection_1_token"],)


class Layer(quantized.Layer):
    """What one thread reaches, what it costs in memory, and whether it is right."""

    params = (NAMES,)
