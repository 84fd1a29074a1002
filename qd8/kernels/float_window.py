"""The schedule of depthwise convolution and pooling: bands of rows (R20, R23).

An image's outputs are cut into *bands* of rows, so that the input rows of one
register of channels stay in the first-level cache while all their taps pass, and
those of all channels in the second::

    for band of output rows:  for register of channels:  for strip of the band

float16 is widened into scratch first (R4), the channels of a call of the tile at a
time, side by side, so that they too stay in the first-level cache.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.chain import NO_TAIL, Tail, apply_tail
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
from qd8.kernels.float_window_operators import REGISTERS
from qd8.kernels.float_window_tile import (
    OUTPUTS,
    STRIP_WORDS,
    Taps,
    window_strips,
    written_out,
)
from qd8.kernels.scalars import real_word, word
from qd8.kernels.vector import F16
from qd8.kernels.windows import Pair, Sides, Span, spans

GRAIN = 1 << 16  # taps of a task, all channels counted
L2_BYTES = 1 << 20  # an image up to this is one band
BAND_BYTES = 1 << 17  # of input rows of a larger one
WIDE_BYTES = 1 << 15  # of input rows in scratch
# Words of a band: first strip, last + 1; first input row, number of them; first output
# row, number of them.
BAND_WORDS = 6


class Window(NamedTuple):
    """The geometry of a window operator; ``padding`` is resolved."""

    size: Pair
    stride: Pair
    padding: Sides
    dilation: Pair = (1, 1)


class Bands(NamedTuple):
    table: npt.NDArray[np.int64]  # (bands, BAND_WORDS)
    strips: npt.NDArray[np.int64]  # (strips, STRIP_WORDS)


def bands(
    x_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    pixel: int,
    out_size: int,
    window: Window,
    height: int,
    sets: list[Taps],
) -> Bands:
    """The bands of one image, ``height`` output rows each, and their strips.

    ``pixel`` is the bytes from one input pixel to the next, ``out_size`` those of an
    output; ``sets`` are the sets of taps that are written out. Inputs count from the
    band's first input row, outputs from the image.
    """
    _, H, W, C = x_shape
    _, OH, OW, _ = out_shape
    (top, _), (left, _) = window.padding
    (KH, KW), stride, dilation = window.size, window.stride, window.dilation
    y_spans = spans(H, KH, stride[0], dilation[0], top, OH)
    x_spans = spans(W, KW, stride[1], dilation[1], left, OW)
    numbers = {taps: n for n, taps in enumerate(sets)}
    table, strips = [], []
    for first in range(0, OH, height):
        last = min(first + height, OH)
        begin = max(0, first * stride[0] - top)
        end = min(H, (last - 1) * stride[0] - top + (KH - 1) * dilation[0] + 1)
        found = len(strips)
        for y in y_spans:
            y = y._replace(first=max(first, y.first), last=min(last, y.last))
            if y.outputs <= 0:
                continue
            for x in x_spans:
                taps = (y.low, y.high, x.low, x.high)
                for oy, ox, step_y, step_x, count in _lines(y, x):
                    place = (oy * stride[0] - top - begin) * W + ox * stride[1] - left
                    step = step_y * stride[0] * W + step_x * stride[1]
                    number = numbers.get(taps, -1)
                    several = count // OUTPUTS if step_x and number >= 0 else 0
                    strips.append((
                        number, place * pixel, step * pixel,
                        (oy * OW + ox) * C * out_size,
                        (step_y * OW + step_x) * C * out_size,
                        several, count - several * OUTPUTS, *taps,
                    ))  # fmt: skip
        rows = begin, max(end - begin, 0), first, last - first
        table.append((found, len(strips), *rows))
    return Bands(np.array(table, np.int64), np.array(strips, np.int64))


def _lines(y: Span, x: Span):
    """A rectangle of outputs as lines along its longer side: (oy, ox, steps, count)."""
    if x.outputs >= y.outputs:
        return [(oy, x.first, 0, 1, x.outputs) for oy in range(y.first, y.last)]
    return [(y.first, ox, 1, 0, y.outputs) for ox in range(x.first, x.last)]


def band_height(
    x_shape: tuple[int, ...], window: Window, OH: int, threads: int, wide: int
) -> int:
    """Output rows of a band: a pure function of shapes.

    ``wide`` is the bytes of a pixel in scratch, 0 if inputs are read where they lie.
    """
    N, H, W, C = x_shape
    reach = (window.size[0] - 1) * window.dilation[0] + 1
    rows = H + reach
    if wide:
        rows = WIDE_BYTES // (W * wide)
    elif H * W * C * 4 > L2_BYTES:
        rows = BAND_BYTES // (W * C * 4)
    height = max(1, (rows - reach) // window.stride[0] + 1)
    return min(height, OH, -(-OH // -(-threads // N)))


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
        pixel = REGISTERS * WIDTH * 4 if KIND == F16 else C * 4
        work = images * bands
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            image, band = item // bands, table + item % bands * 8 * BAND_WORDS
            first, last = word(band, 0), word(band, 1)
            from_ = x + (image * H + word(band, 2)) * W * C * size
            pixels = word(band, 3) * W
            to = out + image * outputs * C * size
            begin = 0
            while begin + REGISTERS * WIDTH <= C:
                at = from_ + begin * size
                if KIND == F16:
                    widen_pixels(TIER, REGISTERS, at, C, C, pixels, scratch, pixel)
                    at = scratch
                window_strips(
                    TIER, OPERATOR, REGISTERS, KH, KW, STRIDE, DILATION, KIND, BOUNDED,
                    strips + first * 8 * STRIP_WORDS, last - first, at,
                    row_step, column_step, pixel, weights + begin * 4, tap_step,
                    line_step, biases + begin * 4, to + begin * size, C, lo, hi,
                )  # fmt: skip
                begin += REGISTERS * WIDTH
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
                    biases + c * 4, to + c * size, C - c, lo, hi,
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
    registers = REGISTERS[lanes][operator]
    wide = registers * lanes * 4 if out.dtype == np.float16 else 0
    pixel = wide or C * 4
    height = band_height(x.shape, window, OH, threads, wide)
    found = bands(x.shape, out.shape, pixel, out.itemsize, window, height, sets)
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
        OW * C,
    )
    kernel = cache.kernel(
        _factory, tier.id, operator, *(known if sets else (0,) * 4), kind(x),
        int(activation != "none"), lanes, registers,
    )  # fmt: skip
    keep = (x, weights, biases, out, *found, scratch, tail)
    return [launch.bind(kernel, words, tasks, *keep)]
