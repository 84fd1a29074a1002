"""Normalization, attention and gated units, as the converter takes them apart.

Source: the operators of a converted Stable Diffusion UNet (TensorFlow 2.21).
"""

import math

import numpy as np

from qd8.tflite import Tensor

from .net import Net, reduced

EPSILON = np.float32(1e-5)
GROUPS = 32
# What softmax leaves of the mean square of values: an average over pixels that are
# alike but not the same. Residual connections forgive a wrong guess.
ATTENTION_POWER = 0.3


class AttentionNet(Net):
    """A net with the layers of transformers; tokens are (N, T, C)."""

    def group_norm(self, x: Tensor) -> Tensor:
        """Normalize images over pixels and the channels of each of 32 groups."""
        n, h, w, depth = x.shape
        inner = depth // GROUPS
        grouped = self.reshape(x, (n, h, w, GROUPS, inner))
        share = np.full((1, 1, 1, GROUPS, 1), 1 / (h * w * inner), np.float32)
        mean = self.mul(self._sum(grouped, (1, 2, 4)), self.constant(share))
        square = self.square(self.sub(grouped, mean))
        variance = self.mul(self._sum(square, (1, 2, 4)), self.constant(share))
        out = self._normalized(grouped, mean, variance, (1, 1, 1, GROUPS, inner))
        return self.reshape(out, (n, h, w, depth))

    def layer_norm(self, x: Tensor) -> Tensor:
        """Normalize tokens over their channels."""
        axis = (len(x.shape) - 1,)
        mean = self.mean(x, axis, keep_dims=True)
        shape = x.shape
        square = self.operator("SQUARED_DIFFERENCE", (x, mean), shape)
        variance = self.mean(square, axis, keep_dims=True)
        return self._normalized(x, mean, variance, (x.shape[-1],))

    def _normalized(
        self, x: Tensor, mean: Tensor, variance: Tensor, shape: tuple[int, ...]
    ) -> Tensor:
        """Append x * factor + (beta - mean * factor), factor = gamma * rsqrt."""
        stable = self.add(variance, self.constant(EPSILON))
        inverse = self.operator("RSQRT", (stable,), stable.shape)
        factor = self.mul(inverse, self.vector(shape, mean=1.0))
        scaled = self.mul(x, factor)
        shift = self.sub(self.vector(shape), self.mul(mean, factor))
        out = self.add(scaled, shift)
        self.power[out.index] = 1.0
        return out

    def split_heads(self, x: Tensor, heads: int) -> Tensor:
        """Reshape (1, T, C) to (1, T, heads, C / heads)."""
        return self.reshape(x, (-1, x.shape[1], heads, x.shape[2] // heads))

    def heads_first(self, x: Tensor, *, transposed: bool = False) -> Tensor:
        """Turn (1, T, heads, D) into (heads, T, D), or (heads, D, T) if transposed."""
        x = self.transpose(x, (0, 2, 3, 1) if transposed else (0, 2, 1, 3))
        return self.reshape(x, (-1, *x.shape[2:]))

    def attend(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the weights (heads, T, S) of (heads, T, D) and (heads, D, S)."""
        heads, tokens, depth = query.shape
        others = key.shape[2]
        scale = self.constant(np.float32(depth**-0.5))
        scores = self.mul(self.matmul(query, key), scale)
        scores = self.reshape(scores, (-1, heads, tokens, others))
        return self.reshape(self.softmax(scores), (-1, tokens, others))

    def merge_heads(self, weights: Tensor, value: Tensor) -> Tensor:
        """Turn weights (heads, T, S) and values (heads, S, D) into (T, C)."""
        out = self.matmul(weights, value)
        self.power[out.index] = ATTENTION_POWER * self.power[value.index]
        heads, tokens, depth = out.shape
        out = self.reshape(out, (-1, heads, tokens, depth))
        out = self.transpose(out, (0, 2, 1, 3))
        return self.reshape(out, (tokens, heads * depth))

    def gated_gelu(self, x: Tensor) -> Tensor:
        """Return a * gelu(b) of the halves a and b of the channels, (1, T, C / 2).

        The gelu is x / 2 * (1 + tanh(sqrt(2 / pi) * x * (1 + 0.044715 * x^2))).
        Source: Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202.
        """
        half = x.shape[2] // 2
        one = self.constant(np.float32(1))
        value = self.mul(self._half(x, half, 0), self.constant(np.float32(0.5)))
        gate = self._half(x, half, 1)
        inner = self.mul(gate, self.constant(np.float32(math.sqrt(2 / math.pi))))
        value = self.mul(value, gate)
        cubic = self.mul(self.mul(gate, gate), self.constant(np.float32(0.044715)))
        inner = self.mul(inner, self.add(cubic, one))
        tanh = self.operator("TANH", (inner,), inner.shape)
        out = self.mul(value, self.add(tanh, one))
        # E[gelu(b)^2] is 0.425 for a standard normal b, by integration.
        self.power[out.index] = 0.425 * self.power[x.index] ** 2
        return out

    def strided_slice(
        self,
        x: Tensor,
        begin: tuple[int, ...],
        end: tuple[int, ...],
        shape: tuple[int, ...],
        *,
        begin_mask: int,
        end_mask: int,
    ) -> Tensor:
        """STRIDED_SLICE with strides of 1."""
        strides = self.integers(*(1 for _ in begin))
        return self.operator(
            "STRIDED_SLICE",
            (x, self.integers(*begin), self.integers(*end), strides),
            shape,
            power=self.power[x.index],
            begin_mask=begin_mask,
            end_mask=end_mask,
            ellipsis_mask=0,
            new_axis_mask=0,
            shrink_axis_mask=0,
            offset=False,
        )

    def square(self, x: Tensor) -> Tensor:
        """SQUARE."""
        return self.operator("SQUARE", (x,), x.shape)

    def _half(self, x: Tensor, half: int, which: int) -> Tensor:
        """Slice the first or second half of the channels of (1, T, C)."""
        middle, nothing = (0, 0, half), (0, 0, 0)
        begin, end = (middle, nothing) if which else (nothing, middle)
        masks = {"begin_mask": 3, "end_mask": 7} if which else {}
        masks = masks or {"begin_mask": 7, "end_mask": 3}
        return self.strided_slice(x, begin, end, (*x.shape[:2], half), **masks)

    def _sum(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        shape = reduced(x.shape, axes, keep_dims=True)
        return self.operator("SUM", (x, self.integers(*axes)), shape, keep_dims=True)
