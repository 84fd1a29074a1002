"""`qd8.Conv2D` on layers of real nets."""

from . import quantized
from .layers import CONV2D

NAMES = [layer.name for layer in CONV2D]


class Call(quantized.Call):
    """The whole call: range, quantize and pad, multiply, epilogue."""

    params = (NAMES, ["float32", "float16"], [1, 2])


class Build(quantized.Build):
    """Validate and pack the weights."""

    params = (["sd_unet_down2_32x32", "resnet18_conv3_28x28"],)


class Layer(quantized.Layer):
    """What one thread reaches, what it costs in memory, and whether it is right."""

    params = (NAMES,)
