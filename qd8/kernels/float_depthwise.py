"""Depthwise convolution in float: lanes are channels, taps one FMA chain (R20).

Four neighbouring pixels share each load of a tap's weights. Pixels that have the
same taps inside the image are neighbours (windows.py); padded taps are skipped.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.boxes import contiguous_strides
from qd8.kernels.chain import NO_TAIL, Tail, apply_tail
from qd8.kernels.float_arguments import (
    Float,
    address,
    aligned,
    bounds_words,
    kind,
    task_count,
)
from qd8.kernels.simd import real_word, word
from qd8.kernels.strided_copy import bind_box
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    clamp,
    fma,
    load,
    load_first,
    splat,
    store,
    store_first,
)
from qd8.kernels.windows import Pair, Sides, span_table, spans, tap_table

GRAIN = 1 << 16  # multiply-adds of a task


class PackedDepthwise(NamedTuple):
    """Depthwise weights; C channels of output."""

    taps: npt.NDArray[np.float32]  # (KH, KW, C rounded up to LANES)
    channels: int


def pack_depthwise_conv2d(weight: Float) -> PackedDepthwise:
    """Pack (1, KH, KW, C) float32 or float16, widened exactly (R4)."""
    _, KH, KW, C = weight.shape
    taps = aligned((KH, KW, -(-C // LANES) * LANES))
    taps[..., C:] = 0
    taps[..., :C] = weight[0]
    return PackedDepthwise(taps, C)


def _factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_depthwise(task, tasks, args):
        source  # noqa: B018
        x, weight, biases, out = (
            word(args, 0), word(args, 1), word(args, 2), word(args, 3)
        )  # fmt: skip
        y_taps, x_spans, span_count = word(args, 4), word(args, 5), word(args, 6)
        H, W, C = word(args, 7), word(args, 8), word(args, 9)
        OH, OW, KW = word(args, 10), word(args, 11), word(args, 12)
        y_stride, x_stride = word(args, 13), word(args, 14)
        y_dilation, x_dilation = word(args, 15), word(args, 16)
        top, left, rows = word(args, 17), word(args, 18), word(args, 19)
        lo, hi = splat(real_word(args, 20)), splat(real_word(args, 21))
        tap_bytes = word(args, 22)
        tail, tail_arguments = word(args, 23), word(args, 24)
        pixel, zero = C * size, np.float32(0)
        for row in range(rows * task // tasks, rows * (task + 1) // tasks):
            image, oy = row // OH, row % OH
            y_low, y_high = word(y_taps, 2 * oy), word(y_taps, 2 * oy + 1)
            line = x + (image * H + oy * y_stride - top) * W * pixel
            for s in range(span_count):
                span = x_spans + s * 32
                first, last = word(span, 0), word(span, 1)
                low, high = word(span, 2), word(span, 3)
                for ox in range(first, last, 4):
                    # The last pixel again where the span ends earlier.
                    step1 = (min(ox + 1, last - 1) - ox) * pixel
                    step2 = (min(ox + 2, last - 1) - ox) * pixel
                    step3 = (min(ox + 3, last - 1) - ox) * pixel
                    x_step1, x_step2 = step1 * x_stride, step2 * x_stride
                    x_step3 = step3 * x_stride
                    origin = line + (ox * x_stride - left) * pixel
                    to = out + (row * OW + ox) * pixel
                    for begin in range(0, C, LANES):
                        # The last lanes begin earlier rather than being fewer.
                        c = max(0, min(begin, C - LANES))
                        y0 = load(TIER, F32, biases + c * 4)
                        y1, y2, y3 = y0, y0, y0
                        for ky in range(y_low, y_high):
                            for kx in range(low, high):
                                tap = (ky * KW + kx) * tap_bytes + c * 4
                                w = load(TIER, F32, weight + tap)
                                skip = ky * y_dilation * W + kx * x_dilation
                                at = origin + skip * pixel + c * size
                                if C >= LANES:
                                    a0 = load(TIER, KIND, at)
                                    a1 = load(TIER, KIND, at + x_step1)
                                    a2 = load(TIER, KIND, at + x_step2)
                                    a3 = load(TIER, KIND, at + x_step3)
                                else:
                                    a0 = load_first(TIER, KIND, at, C, zero)
                                    a1 = load_first(TIER, KIND, at + x_step1, C, zero)
                                    a2 = load_first(TIER, KIND, at + x_step2, C, zero)
                                    a3 = load_first(TIER, KIND, at + x_step3, C, zero)
                                y0 = fma(TIER, a0, w, y0)
                                y1 = fma(TIER, a1, w, y1)
                                y2 = fma(TIER, a2, w, y2)
                                y3 = fma(TIER, a3, w, y3)
                        at = to + c * size
                        y0, y1 = clamp(TIER, y0, lo, hi), clamp(TIER, y1, lo, hi)
                        y2, y3 = clamp(TIER, y2, lo, hi), clamp(TIER, y3, lo, hi)
                        if C >= LANES:
                            store(TIER, KIND, at, y0)
                            store(TIER, KIND, at + step1, y1)
                            store(TIER, KIND, at + step2, y2)
                            store(TIER, KIND, at + step3, y3)
                        else:
                            store_first(TIER, KIND, at, y0, C)
                            store_first(TIER, KIND, at + step1, y1, C)
                            store_first(TIER, KIND, at + step2, y2, C)
                            store_first(TIER, KIND, at + step3, y3, C)
            apply_tail(tail, tail_arguments, row * OW * C, 1, OW * C, OW * C)

    return float_depthwise


def bind_depthwise_conv2d(
    x: Float,
    weight: Float | PackedDepthwise,
    bias: npt.NDArray[np.float32] | None,
    out: Float,
    *,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    activation: str,
    threads: int,
    tail: Tail | None = None,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C * m) of ``x`` (N, H, W, C).

    Parameters
    ----------
    weight : (1, KH, KW, C * m) float32 or float16
        Or from ``pack_depthwise_conv2d``. Output channel c * m + j reads channel c.
    bias : (C * m,) float32 or None
    padding : ((top, bottom), (left, right)), resolved
    """
    if out.size == 0:
        return []
    if not isinstance(weight, PackedDepthwise):
        weight = pack_depthwise_conv2d(weight)
    taps, channels = weight
    calls = []
    if channels != x.shape[3]:
        x, calls = _repeated(x, channels, threads)
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    KH, KW, room = taps.shape
    biases = np.zeros(room, np.float32)
    if bias is not None:
        biases[:C] = bias
    (top, _), (left, _) = padding
    y_taps = tap_table(spans(H, KH, stride[0], dilation[0], top, OH))
    x_spans = span_table(spans(W, KW, stride[1], dilation[1], left, OW))
    words = (
        *map(address, (x, taps, biases, out, y_taps, x_spans)),
        *(len(x_spans), H, W, C, OH, OW, KW, *stride, *dilation, top, left, N * OH),
        *bounds_words(activation),
        room * 4,
        *(NO_TAIL if tail is None else tail.words),
    )
    tasks = task_count(out.size * KH * KW, GRAIN, min(threads, N * OH))
    kernel = cache.kernel(_factory, isa.current().id, kind(x))
    keep = (x, taps, biases, out, y_taps, x_spans, tail)
    return [*calls, launch.bind(kernel, words, tasks, *keep)]


def _repeated(x: Float, channels: int, threads: int):
    """``x`` with each channel as often as it has outputs, and the calls for it."""
    wide = np.empty((*x.shape[:3], channels), x.dtype)
    shape = (x.size, channels // x.shape[3])
    strides = contiguous_strides(shape)
    return wide, bind_box(x, wide, shape, (1, 0), strides, threads=threads)
