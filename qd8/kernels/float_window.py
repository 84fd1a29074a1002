"""The schedule of depthwise convolution and pooling: bands of rows (R20, R23).

An image's outputs are cut into *bands* of rows, so that the input rows of one
register of channels stay in the first-level cache while all their taps pass, and
those of all channels in the second::

    for band of output rows:  for register of channels:  for strip of the band

Where a tier's tile keeps no weights in registers (float_window_taps.py) it meets
several registers of channels in each strip, as many as have their weights in the
first-level cache, so that a pixel's cache lines are read one after the other.

float16 is widened into scratch first (R4), the channels of a call of the tile at a
time, side by side, so that they too stay in the first-level cache.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.chain import apply_tail
from qd8.kernels.float_arguments import (
    Float,
    address,
    aligned,
    bounds_words,
    kind,
    task_count,
)
from qd8.kernels.float_tile import TILES
from qd8.kernels.float_widen import widen_pixels
from qd8.kernels.float_window_bands import BAND_WORDS, Window, band_height, bands
from qd8.kernels.float_window_operators import SHAPES
from qd8.kernels.float_window_strips import STRIP_WORDS
from qd8.kernels.float_window_tile import window_strips, written_out
from qd8.kernels.scalars import real_word, word
from qd8.kernels.tail import NO_TAIL, Tail
from qd8.kernels.vector import F16

GRAIN = 1 << 16  # taps of a task, all channels counted
WEIGHT_BYTES = 1 << 13  # of the channels that a strip meets together


def _factory(source, TIER, OPERATOR, KH, KW, STRIDE, DILATION, KIND, BOUNDED, WIDTH,
             REGISTERS):  # fmt: skip
    size = 2 if KIND == F16 else 4

    def float_window(task, tasks, args):
        source  # noqa: B018
        x, weights, biases, out = (
            word(args, 0), word(args, 1), word(args, 2), word(args, 3)
        )  # fmt: skip
        table, strips, bands, images = (
            word(args, 4), word(args, 5), word(args, 6), word(args, 7)
        )  # fmt: skip
        H, W, C, outputs = word(args, 8), word(args, 9), word(args, 10), word(args, 11)
        row_step, column_step = word(args, 12), word(args, 13)
        tap_step, line_step = word(args, 14), word(args, 15)
        scratch = word(args, 16) + task * word(args, 17)
        lo, hi = real_word(args, 18), real_word(args, 19)
        tail, tail_arguments, line = word(args, 20), word(args, 21), word(args, 22)
        most, image_step = word(args, 23), word(args, 24)
        pixel = REGISTERS * WIDTH * 4 if KIND == F16 else C * 4
        work = images * bands
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            image, band = item // bands, table + item % bands * 8 * BAND_WORDS
            first, last = word(band, 0), word(band, 1)
            from_ = x + (image * H + word(band, 2)) * W * C * size
            pixels = word(band, 3) * W
            to = out + image * image_step
            begin = 0
            while begin + REGISTERS * WIDTH <= C:
                at = from_ + begin * size
                blocks = min(most, (C - begin) // (REGISTERS * WIDTH))
                if KIND == F16:
                    widen_pixels(TIER, REGISTERS, at, C, C, pixels, scratch, pixel)
                    at = scratch
                window_strips(
                    TIER, OPERATOR, REGISTERS, KH, KW, STRIDE, DILATION, KIND, BOUNDED,
                    strips + first * 8 * STRIP_WORDS, last - first, at,
                    row_step, column_step, pixel, weights + begin * 4, tap_step,
                    line_step, biases + begin * 4, to + begin * size, C, blocks, lo,
                    hi,
                )  # fmt: skip
                begin += blocks * REGISTERS * WIDTH
            while begin < C:
                # The last register begins earlier rather than having fewer lanes.
                c = max(0, min(begin, C - WIDTH))
                begin += WIDTH
                at = from_ + c * size
                if KIND == F16:
                    widen_pixels(TIER, 1, at, C, C - c, pixels, scratch, pixel)
                    at = scratch
                window_strips(
                    TIER, OPERATOR, 1, KH, KW, STRIDE, DILATION, KIND, BOUNDED,
                    strips + first * 8 * STRIP_WORDS, last - first, at,
                    row_step, column_step, pixel, weights + c * 4, tap_step, line_step,
                    biases + c * 4, to + c * size, C - c, 1, lo, hi,
                )  # fmt: skip
            place = image * outputs * C + word(band, 4) * line
            apply_tail(tail, tail_arguments, place, word(band, 5), line, line)

    return float_window


def bind_window(
    operator: int,
    x: Float,
    weights: npt.NDArray[np.float32] | None,
    biases: npt.NDArray[np.float32] | None,
    out: Float,
    window: Window,
    *,
    activation: str,
    threads: int,
    tail: Tail | None = None,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C) of ``x`` (N, H, W, C).

    Pixels of ``out`` may lie further apart than they are long, if there is no tail.

    Parameters
    ----------
    operator : DEPTHWISE, AVERAGE or MAXIMUM
    weights : (KH, KW, room) float32, biases : (room,) float32
        Of DEPTHWISE; room is C rounded up to whole registers.
    tail : what is done to ``out`` besides
    """
    if out.size == 0:
        return []
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    tier = isa.current()
    known = *window.size, window.stride[1], window.dilation[1]
    sets = written_out(tier, *known)
    lanes = TILES[tier.name].lanes
    shape = SHAPES[lanes][operator]
    registers = shape.registers
    wide = registers * lanes * 4 if out.dtype == np.float16 else 0
    weight_bytes = window.size[0] * window.size[1] * registers * lanes * 4
    together = 1 if wide or not shape.by_taps else max(1, WEIGHT_BYTES // weight_bytes)
    pixel = wide or C * 4
    height = band_height(x.shape, window, OH, threads, wide)
    image_step, _, out_pixel = out.strides[:3]
    place = x.shape, out.shape, pixel, out_pixel, window
    found = bands(*place, height, tuple(sets), shape)
    KH, KW = window.size
    tasks = task_count(out.size * KH * KW, GRAIN, min(threads, N * len(found.table)))
    rows = int(found.table[:, 3].max())
    scratch = aligned((tasks, rows * W * wide // 4))
    room = 0 if weights is None else weights.shape[2]
    words = (
        address(x),
        *(0 if a is None else address(a) for a in (weights, biases)),
        *map(address, (out, found.table, found.strips)),
        *(len(found.table), N, H, W, C, OH * OW),
        *(window.dilation[0] * W * pixel, window.dilation[1] * pixel),
        *(room * 4, KW * room * 4),
        *(address(scratch), scratch.shape[1] * 4),
        *bounds_words(activation),
        *(NO_TAIL if tail is None else tail.words),
        *(OW * C, together, image_step),
    )
    kernel = cache.kernel(
        _factory, tier.id, operator, *(known if sets else (0,) * 4), kind(x),
        int(activation != "none"), lanes, registers,
    )  # fmt: skip
    keep = (x, weights, biases, out, *found, scratch, tail)
    return [launch.bind(kernel, words, tasks, *keep)]
