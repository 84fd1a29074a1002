"""TRANSPOSE_CONV in float: strips of outputs that the same taps reach (R40).

Output o of an axis is reached by tap k where ``o + before - k`` is a multiple of the
stride and the quotient is an input. So outputs that are a stride apart have the same
taps and neighbouring inputs: a strip, whose neighbours lie a stride apart where they
are written. What computes strips is float_gemm.py; taps are met in ascending order.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels.float_arguments import Float
from qd8.kernels.float_gemm import bind_strips
from qd8.kernels.float_pack import PackedFloat, pack_conv2d_float
from qd8.kernels.float_strips import STRIP_WORDS, Strips
from qd8.kernels.launch import Call
from qd8.kernels.tail import Tail
from qd8.kernels.windows import Pair, Sides


class Reach(NamedTuple):
    """Outputs ``first``, ``first + stride``, ... and what reaches them along one axis.

    Tap ``taps[i]`` reads input ``inputs[i]`` for the first output, the next input for
    the next.
    """

    first: int
    outputs: int
    taps: tuple[int, ...]
    inputs: tuple[int, ...]


def bind_transpose_conv2d_float(
    x: Float,
    weight: Float | PackedFloat,
    bias: npt.NDArray[np.float32] | None,
    out: Float,
    *,
    stride: Pair,
    padding: str | Sides,
    activation: str,
    threads: int,
    tail: Tail | None = None,
) -> list[Call]:
    """Calls that make ``out`` the transposed convolution of ``x`` (R40).

    Parameters
    ----------
    x : (N, H, W, I), out : (N, OH, OW, O), both float32 or both float16
    weight : (O, KH, KW, I) float32 or float16
        Or what ``pack_conv2d_float`` made of it under the current tier.
    bias : (O,) float32 or None
    padding : "SAME", "VALID" or ((top, bottom), (left, right))
        Of the convolution of ``out`` that this one transposes.
    """
    if out.size == 0:
        return []
    if not isinstance(weight, PackedFloat):
        weight = pack_conv2d_float(weight)
    kernel = weight.shape[1:3]
    before = [
        _before(padding, axis, x.shape[1 + axis], out.shape[1 + axis], kernel, stride)
        for axis in range(2)
    ]
    strips = transpose_conv2d_strips(x.shape, out.shape, kernel, stride, before)
    return bind_strips(x, weight, bias, out, strips, activation, threads, tail)


def _before(padding, axis, n, outputs, kernel, stride):
    """R17, of the convolution from ``outputs`` to ``n``."""
    if padding == "VALID":
        return 0
    if padding == "SAME":
        return max((n - 1) * stride[axis] + kernel[axis] - outputs, 0) // 2
    return padding[axis][0]


def reaches(n: int, kernel: int, stride: int, before: int, outputs: int) -> list[Reach]:
    """All outputs of one axis, grouped by what reaches them."""
    found: list[Reach] = []
    for phase in range(min(stride, outputs)):
        last = None
        for o in range(phase, outputs, stride):
            pairs = [
                (tap, (o + before - tap) // stride)
                for tap in range((o + before) % stride, kernel, stride)
                if 0 <= o + before - tap < n * stride
            ]
            taps, inputs = zip(*pairs, strict=True) if pairs else ((), ())
            if last is not None and last.taps == taps:
                last = found[-1] = last._replace(outputs=last.outputs + 1)
            else:
                last = Reach(o, 1, taps, inputs)
                found.append(last)
    return found


def transpose_conv2d_strips(
    x_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    before: list[int],
) -> Strips:
    """Strips along x, for each line of outputs."""
    N, H, W, C = x_shape
    OH, OW, O = out_shape[1:]
    tables, runs = [], []
    images = np.arange(N)[:, None]
    for y in reaches(H, kernel[0], stride[0], before[0], OH):
        for x in reaches(W, kernel[1], stride[1], before[1], OW):
            lines = np.arange(y.outputs)
            table = np.empty((N, y.outputs, STRIP_WORDS), np.int64)
            reached = bool(y.taps and x.taps)
            origin = lines * W
            if reached:
                origin = (y.inputs[0] + lines) * W + x.inputs[0]
            table[..., 0] = (images * H * W + origin) * C * 4
            table[..., 1] = C * 4
            out_lines = images * OH + y.first + lines * stride[0]
            table[..., 2] = (out_lines * OW + x.first) * O
            table[..., 3] = stride[1] * O
            table[..., 4] = x.outputs
            table[..., 5] = len(runs)
            table[..., 6] = len(y.taps) * len(x.taps)
            for ky, iy in zip(y.taps, y.inputs, strict=True):
                for kx, ix in zip(x.taps, x.inputs, strict=True):
                    skip = (iy - y.inputs[0]) * W + ix - x.inputs[0]
                    runs.append((skip * C * 4, (ky * kernel[1] + kx) * C, C))
            tables.append(table.reshape(-1, STRIP_WORDS))
    joined = np.concatenate(tables)
    # Images one after the other, so that blocks are neighbourhoods.
    order = np.argsort(joined[:, 2], kind="stable")
    return Strips(joined[order], np.array(runs, np.int64).reshape(-1, 3))
