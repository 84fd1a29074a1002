"""Layers as the converter writes them: each method appends its operators.

Weights are drawn so that every layer with weights gives activations of mean square
about 1, as batch normalization does, whatever comes in: each tensor carries an
estimate of its mean square, computed for independent normal activations. So neither
depth nor width nor resolution lets them vanish or blow up.
"""

import math
from collections.abc import Sequence

from qd8.tflite import Tensor

from .builder import Builder

# Mean squares of functions of a standard normal number, by integration.
RELU_POWER = 0.5
SWISH_POWER = 0.3557
LOGISTIC_POWER = 0.2934
# Of what pooling leaves of the mean square: between that of noise and of a constant.
AVERAGE_POWER = 0.7
MAX_POWER = 1.6
MEAN_POWER = 0.7


class Net(Builder):
    """A builder with layers. Images are (N, H, W, C)."""

    def conv(
        self,
        x: Tensor,
        channels: int,
        kernel: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "NONE",
    ) -> Tensor:
        """CONV_2D with a bias."""
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        n, *size, depth = x.shape
        found = [
            _window(s, k, stride, 1, padding) for s, k in zip(size, kernel, strict=True)
        ]
        shape = (n, *(extent for extent, _ in found), channels)
        taps = math.prod(mean for _, mean in found)
        weight = self.weight(
            (channels, *kernel, depth), deviation=self._deviation(x, depth * taps)
        )
        return self.operator(
            "CONV_2D",
            (x, weight, self.vector((channels,))),
            shape,
            version=5 if self.int8 else 1,
            power=1.0 if activation == "NONE" else RELU_POWER,
            padding=padding,
            stride_w=stride,
            stride_h=stride,
            fused_activation_function=activation,
            dilation_w_factor=1,
            dilation_h_factor=1,
            quantized_bias_type="FLOAT32",
        )

    def depthwise(
        self,
        x: Tensor,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        activation: str = "NONE",
    ) -> Tensor:
        """DEPTHWISE_CONV_2D, one filter for each channel, with a bias."""
        n, *size, depth = x.shape
        found = [_window(s, kernel, stride, dilation, "SAME") for s in size]
        shape = (n, *(extent for extent, _ in found), depth)
        weight = self.weight(
            (1, kernel, kernel, depth),
            deviation=self._deviation(x, math.prod(mean for _, mean in found)),
            axis=3,
            int8=not self.float_depthwise,
        )
        return self.operator(
            "DEPTHWISE_CONV_2D",
            (x, weight, self.vector((depth,))),
            shape,
            version=6 if self.int8 else 1 + (dilation > 1),
            power=1.0 if activation == "NONE" else RELU_POWER,
            padding="SAME",
            stride_w=stride,
            stride_h=stride,
            depth_multiplier=1,
            fused_activation_function=activation,
            dilation_w_factor=dilation,
            dilation_h_factor=dilation,
        )

    def dense(
        self, x: Tensor, units: int, *, bias: bool = True, activation: str = "NONE"
    ) -> Tensor:
        """FULLY_CONNECTED over the last axis."""
        depth = x.shape[-1]
        weight = self.weight((units, depth), deviation=self._deviation(x, depth))
        return self.operator(
            "FULLY_CONNECTED",
            (x, weight, self.vector((units,)) if bias else None),
            (*x.shape[:-1], units),
            version=12 if self.int8 else 1,
            power=1.0 if activation == "NONE" else RELU_POWER,
            fused_activation_function=activation,
            weights_format="DEFAULT",
            keep_num_dims=len(x.shape) > 2,
            asymmetric_quantize_inputs=self.int8,
            quantized_bias_type="FLOAT32",
        )

    def matmul(self, a: Tensor, b: Tensor, *, adj_y: bool = False) -> Tensor:
        """BATCH_MATMUL of two activations."""
        shape = (*a.shape[:-1], b.shape[-2 if adj_y else -1])
        power = self.power[a.index] * self.power[b.index] * a.shape[-1]
        return self.operator(
            "BATCH_MATMUL",
            (a, b),
            shape,
            power=power,
            adj_x=False,
            adj_y=adj_y,
            asymmetric_quantize_inputs=False,
        )

    def add(self, a: Tensor, b: Tensor, activation: str = "NONE") -> Tensor:
        """ADD; a residual connection adds mean squares."""
        power = self.power.get(a.index, 0.0) + self.power.get(b.index, 0.0)
        return self.operator(
            "ADD",
            (a, b),
            _broadcast(a, b),
            power=power,
            fused_activation_function=activation,
            pot_scale_int16=True,
        )

    def sub(self, a: Tensor, b: Tensor) -> Tensor:
        """SUB."""
        power = self.power.get(a.index, 0.0) + self.power.get(b.index, 0.0)
        return self.operator(
            "SUB",
            (a, b),
            _broadcast(a, b),
            version=3,
            power=power,
            fused_activation_function="NONE",
            pot_scale_int16=True,
        )

    def mul(self, a: Tensor, b: Tensor) -> Tensor:
        """MUL; a constant counts as about 1."""
        power = self.power.get(a.index, 1.0) * self.power.get(b.index, 1.0)
        return self.operator(
            "MUL",
            (a, b),
            _broadcast(a, b),
            power=power,
            fused_activation_function="NONE",
        )

    def logistic(self, x: Tensor) -> Tensor:
        """LOGISTIC."""
        return self.operator("LOGISTIC", (x,), x.shape, power=LOGISTIC_POWER)

    def swish(self, x: Tensor) -> Tensor:
        """x * logistic(x), which the converter writes as LOGISTIC and MUL."""
        out = self.mul(x, self.logistic(x))
        self.power[out.index] = SWISH_POWER * self.power[x.index]
        return out

    def softmax(self, x: Tensor) -> Tensor:
        """SOFTMAX over the last axis."""
        return self.operator("SOFTMAX", (x,), x.shape, power=1 / x.shape[-1], beta=1.0)

    def mean(self, x: Tensor, axes: Sequence[int], *, keep_dims: bool) -> Tensor:
        """MEAN over axes."""
        shape = reduced(x.shape, axes, keep_dims)
        power = MEAN_POWER * self.power[x.index]
        given = (x, self.integers(*axes))
        return self.operator("MEAN", given, shape, power=power, keep_dims=keep_dims)

    def max_pool(self, x: Tensor, size: int, stride: int) -> Tensor:
        """MAX_POOL_2D without padding."""
        return self._pool("MAX_POOL_2D", x, size, stride, "VALID", MAX_POWER)

    def average_pool(
        self, x: Tensor, size: int | tuple[int, int], *, stride: int, padding: str
    ) -> Tensor:
        """AVERAGE_POOL_2D; a window as large as the image is global pooling."""
        return self._pool("AVERAGE_POOL_2D", x, size, stride, padding, AVERAGE_POWER)

    def reshape(
        self, x: Tensor, shape: Sequence[int], dtype: str = "FLOAT32"
    ) -> Tensor:
        """RESHAPE; -1 is what remains."""
        known = math.prod(n for n in shape if n != -1)
        out = tuple(math.prod(x.shape) // known if n == -1 else n for n in shape)
        given = (x, self.integers(*shape))
        power = self.power[x.index]
        return self.operator("RESHAPE", given, out, dtype=dtype, power=power)

    def transpose(self, x: Tensor, perm: Sequence[int]) -> Tensor:
        """TRANSPOSE."""
        shape = tuple(x.shape[i] for i in perm)
        given = (x, self.integers(*perm))
        return self.operator("TRANSPOSE", given, shape, power=self.power[x.index])

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        """CONCATENATION of the last axis."""
        widths = [x.shape[-1] for x in parts]
        powers = [self.power[x.index] for x in parts]
        depth = sum(widths)
        power = sum(w * p for w, p in zip(widths, powers, strict=True)) / depth
        return self.operator(
            "CONCATENATION",
            parts,
            (*parts[0].shape[:-1], depth),
            power=power,
            axis=len(parts[0].shape) - 1,
            fused_activation_function="NONE",
        )

    def pad(self, x: Tensor, paddings: Sequence[tuple[int, int]]) -> Tensor:
        """PAD with zeros."""
        shape = tuple(n + sum(p) for n, p in zip(x.shape, paddings, strict=True))
        given = (x, self.constant(paddings, "<i4"))
        return self.operator("PAD", given, shape, power=self.power[x.index])

    def resize(
        self,
        op: str,
        x: Tensor,
        size: tuple[int, int],
        *,
        align_corners: bool = False,
        half_pixel_centers: bool = False,
    ) -> Tensor:
        """RESIZE_BILINEAR or RESIZE_NEAREST_NEIGHBOR to (H, W)."""
        shape = (x.shape[0], *size, x.shape[3])
        return self.operator(
            op,
            (x, self.integers(*size)),
            shape,
            version=3 if half_pixel_centers else 1,
            power=self.power[x.index],
            align_corners=align_corners,
            half_pixel_centers=half_pixel_centers,
        )

    def _pool(
        self,
        op: str,
        x: Tensor,
        size: int | tuple[int, int],
        stride: int,
        padding: str,
        power: float,
    ) -> Tensor:
        size = (size, size) if isinstance(size, int) else size
        n, *image, depth = x.shape
        found = [
            _window(s, k, stride, 1, padding) for s, k in zip(image, size, strict=True)
        ]
        return self.operator(
            op,
            (x,),
            (n, *(extent for extent, _ in found), depth),
            power=power * self.power[x.index],
            padding=padding,
            stride_w=stride,
            stride_h=stride,
            filter_width=size[1],
            filter_height=size[0],
            fused_activation_function="NONE",
        )

    def _deviation(self, x: Tensor, terms: float) -> float:
        """Return the deviation of weights whose sums, with the bias, have power 1."""
        return math.sqrt((1 - self.bias**2) / (terms * self.power[x.index]))


def channels(number: int, width: float) -> int:
    """Scale a number of channels, to a multiple of 8.

    Source: keras/applications/efficientnet_v2.py, round_filters.
    """
    return max(8, int(number * width + 4) // 8 * 8)


def reduced(
    shape: Sequence[int], axes: Sequence[int], keep_dims: bool
) -> tuple[int, ...]:
    """Return the shape after a reduction over ``axes``."""
    if keep_dims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def _broadcast(a: Tensor, b: Tensor) -> tuple[int, ...]:
    rank = max(len(a.shape), len(b.shape))
    longer = [(1,) * (rank - len(x.shape)) + x.shape for x in (a, b)]
    return tuple(map(max, *longer))


def _window(
    size: int, kernel: int, stride: int, dilation: int, padding: str
) -> tuple[int, float]:
    """Return an extent of the output, and how many taps see the input on average.

    Source: R17 of docs/numerics.md.
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "VALID":
        if size < reach:
            raise ValueError(f"a window of {reach} does not fit into {size} once")
        return (size - reach) // stride + 1, float(kernel)
    extent = -(-size // stride)
    before = max((extent - 1) * stride + reach - size, 0) // 2
    inside = sum(
        0 <= o * stride + k * dilation - before < size
        for o in range(extent)
        for k in range(kernel)
    )
    return extent, inside / extent
