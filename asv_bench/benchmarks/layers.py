"""Real layers, by name: what is measured, and its data from a fixed seed.

The lists are append-only, because a name is a line on the dashboard: never edit,
reorder or remove an entry. `macs` counts multiply-adds of the definition, padded taps
included, whatever algorithm computes them.
"""

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class FullyConnectedLayer(NamedTuple):
    """``(M, K) @ (N, K).T``."""

    name: str
    M: int
    K: int
    N: int
    precision: str = "int8"  # of the weights; activations are float32

    @property
    def macs(self) -> int:
        """Multiply-adds of one call."""
        return self.M * self.K * self.N

    @property
    def shape(self) -> str:
        """M,K,N."""
        return f"{self.M},{self.K},{self.N}"

    @property
    def x_shape(self) -> tuple[int, ...]:
        return self.M, self.K

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return self.N, self.K


class ConvLayer(NamedTuple):
    """One image of H x H pixels, SAME padding."""

    name: str
    H: int
    C: int
    O: int
    kernel: tuple[int, int] = (3, 3)
    stride: int = 1
    dilation: int = 1
    precision: str = "int8"

    @property
    def OH(self) -> int:
        """Rows, and columns, of the output (SAME padding)."""
        return -(-self.H // self.stride)

    @property
    def macs(self) -> int:
        """Multiply-adds of one call."""
        KH, KW = self.kernel
        return self.OH * self.OH * self.O * KH * KW * self.C

    @property
    def shape(self) -> str:
        """KHxKW, stride and dilation where they are not 1, H=W, C->O."""
        stride = f"/s{self.stride}" if self.stride > 1 else ""
        dilation = f" dilation {self.dilation}" if self.dilation > 1 else ""
        KH, KW = self.kernel
        return f"{KH}x{KW}{stride}{dilation} {self.H}, {self.C}->{self.O}"

    @property
    def x_shape(self) -> tuple[int, ...]:
        return 1, self.H, self.H, self.C

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return self.O, *self.kernel, self.C

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((top, bottom), (left, right)) that SAME means here."""
        pads = []
        for taps in self.kernel:
            reach = (taps - 1) * self.dilation + 1
            total = max(0, (self.OH - 1) * self.stride + reach - self.H)
            pads.append((total // 2, total - total // 2))
        return pads[0], pads[1]


class DepthwiseLayer(NamedTuple):
    """One image of H x H pixels, a filter for each channel, SAME padding."""

    name: str
    H: int
    C: int
    kernel: tuple[int, int] = (3, 3)
    stride: int = 1
    precision: str = "float32"

    @property
    def dense(self) -> ConvLayer:
        """The convolution of the same geometry from one channel to C."""
        return ConvLayer(self.name, self.H, 1, self.C, self.kernel, self.stride)

    @property
    def macs(self) -> int:
        """Multiply-adds of one call."""
        return self.dense.macs

    @property
    def shape(self) -> str:
        """KHxKW depthwise, stride where it is not 1, H=W, C."""
        stride = f"/s{self.stride}" if self.stride > 1 else ""
        KH, KW = self.kernel
        return f"{KH}x{KW}{stride} depthwise {self.H}, {self.C}"

    @property
    def x_shape(self) -> tuple[int, ...]:
        return 1, self.H, self.H, self.C

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return self.C, *self.kernel, 1


Layer = FullyConnectedLayer | ConvLayer | DepthwiseLayer

FULLY_CONNECTED = (
    FullyConnectedLayer("bert_large_ffn_16_tokens", 16, 1024, 4096),
    FullyConnectedLayer("bert_base_ffn_128_tokens", 128, 768, 3072),
    FullyConnectedLayer("bert_large_projection_256_tokens", 256, 1024, 1024),
    FullyConnectedLayer("transformer_base_ffn_512_tokens", 512, 512, 2048),
    FullyConnectedLayer("bert_large_projection_1024_tokens", 1024, 1024, 1024),
    FullyConnectedLayer("sd_unet_attention_projection_64x64", 4096, 320, 320),
    FullyConnectedLayer("resnet50_conv2_expand_56x56", 3136, 64, 256),
    FullyConnectedLayer("resnet18_conv3_as_product_28x28", 784, 576, 128),
    FullyConnectedLayer("gpt2_medium_projection_1_token", 1, 1024, 1024),
    FullyConnectedLayer("llama_7b_projection_1_token", 1, 4096, 4096),
)
CONV2D = (
    ConvLayer("sd_unet_down1_64x64", 64, 320, 320),
    ConvLayer("sd_unet_down2_32x32", 32, 640, 640),
    ConvLayer("sd_unet_down3_16x16", 16, 1280, 1280),
    ConvLayer("resnet18_conv3_28x28", 28, 128, 128),
    ConvLayer("resnet18_conv2_56x56", 56, 64, 64),
    ConvLayer("efficientnetv2_l_stage1_112x112", 112, 32, 32),
    ConvLayer("resnet18_conv3_stride2_56x56", 56, 64, 128, stride=2),
    ConvLayer("deeplab_v3_atrous_33x33", 33, 160, 160, dilation=2),
    ConvLayer("inception_v3_1x7_17x17", 17, 192, 192, kernel=(1, 7)),
    ConvLayer("inception_v3_5x5_35x35", 35, 48, 64, kernel=(5, 5)),
    ConvLayer("googlenet_3a_1x1_28x28", 28, 192, 64, kernel=(1, 1)),
    ConvLayer("resnet_cifar_stage_32x32", 32, 64, 64),
)
FLOAT32: tuple[Layer, ...] = (
    FullyConnectedLayer("float32_bert_base_128_tokens", 128, 768, 3072, "float32"),
    FullyConnectedLayer("float32_bert_large_1024_tokens", 1024, 1024, 1024, "float32"),
    FullyConnectedLayer("float32_resnet50_expand_56x56", 3136, 64, 256, "float32"),
    FullyConnectedLayer("float32_gpt2_medium_1_token", 1, 1024, 1024, "float32"),
    ConvLayer("float32_sd_unet_32x32", 32, 640, 640, precision="float32"),
    ConvLayer("float32_resnet18_28x28", 28, 128, 128, precision="float32"),
    ConvLayer("float32_resnet18_56x56", 56, 64, 64, precision="float32"),
    ConvLayer("float32_efficientnetv2_112x112", 112, 32, 32, precision="float32"),
    ConvLayer(
        "float32_resnet18_stride2_56x56", 56, 64, 128, stride=2, precision="float32"
    ),
    DepthwiseLayer("float32_mobilenet_v2_112x112", 112, 32),
    DepthwiseLayer("float32_mobilenet_v2_56x56", 56, 144),
    DepthwiseLayer("float32_mobilenet_v2_stride2_28x28", 28, 192, stride=2),
    DepthwiseLayer("float32_mobilenet_v2_14x14", 14, 384),
    DepthwiseLayer("float32_efficientnet_b0_5x5_14x14", 14, 672, kernel=(5, 5)),
    DepthwiseLayer("float32_efficientnet_b0_7x7", 7, 1152),
)
BY_NAME = {layer.name: layer for layer in (*FULLY_CONNECTED, *CONV2D, *FLOAT32)}


class Problem(NamedTuple):
    """A layer with its data.

    x : as `layer.x_shape` float32, Gaussian
    weight : as `layer.weight_shape` float32, Gaussian in each channel, with a
        standard deviation of its own
    bias : (N,) or (O,) float32, Gaussian
    values, scale : the weight as int8 in [-127, 127] and float32 real units per step,
        per channel, by the channel's maximum
    """

    layer: Layer
    x: Floats
    weight: Floats
    bias: Floats
    values: npt.NDArray[np.int8]
    scale: Floats


def problem(layer: Layer) -> Problem:
    """Return the data of a layer: the same on every machine and in every version.

    The weights are quantized here, not by qd8, so that two versions of qd8, and every
    peer, are given the same bytes.
    """
    rng = np.random.default_rng(zlib.crc32(layer.name.encode()))
    x = rng.standard_normal(layer.x_shape, np.float32)
    weight = rng.standard_normal(layer.weight_shape, np.float32)
    channels = len(weight)
    spread = rng.uniform(0.5, 2.0, channels).astype(np.float32)
    weight *= spread.reshape(-1, *[1] * (weight.ndim - 1))
    bias = rng.standard_normal(channels, np.float32)
    step = np.abs(weight.reshape(channels, -1)).max(1).astype(np.float64) / 127
    steps = weight / step.reshape(-1, *[1] * (weight.ndim - 1))
    values = np.rint(steps).astype(np.int8)
    return Problem(layer, x, weight, bias, values, step.astype(np.float32))


def operator(data: Problem):
    """Return qd8's operator for a problem, packed for the current tier."""
    import qd8

    weights = data.values, data.scale, data.bias
    if isinstance(data.layer, FullyConnectedLayer):
        return qd8.FullyConnected(*weights)
    stride, dilation = data.layer.stride, data.layer.dilation
    return qd8.Conv2D(*weights, stride=(stride, stride), dilation=(dilation, dilation))
