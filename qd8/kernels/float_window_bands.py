"""Bands of output rows and their strips: pure integers, found when a call is bound.

float_window.py says what for.
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels.float_window_operators import Shape
from qd8.kernels.float_window_strips import SIZES, Taps
from qd8.kernels.windows import Pair, Sides, Span, spans

L2_BYTES = 1 << 20  # an image up to this is one band
BAND_BYTES = 1 << 17  # of input rows of a larger one
WIDE_BYTES = 1 << 15  # of input rows in scratch
MOST_WIDE_BYTES = 1 << 17  # where so few would be widened again and again
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


@functools.lru_cache(256)  # bands of one chain, and equal layers, have equal ones
def bands(
    x_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    pixel: int,
    out_pixel: int,
    window: Window,
    height: int,
    sets: tuple[Taps, ...],
    shape: Shape,
) -> Bands:
    """The bands of one image, ``height`` output rows each, and their strips.

    ``pixel`` is the bytes from one input pixel to the next, ``out_pixel`` likewise of
    outputs; ``sets`` are the sets of taps that are written out, for groups of outputs
    as in ``shape``. Inputs count from the band's first input row, outputs from the
    image.
    """
    _, H, W, _ = x_shape
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
                    grouped = number >= 0 and (step_x or shape.by_taps)
                    sizes = shape.outputs if grouped else shape.outputs[-1:]
                    counts = [0] * SIZES
                    counts[len(shape.outputs) - len(sizes) : len(shape.outputs)] = (
                        groups(count, sizes)
                    )
                    strips.append((
                        number, place * pixel, step * pixel,
                        (oy * OW + ox) * out_pixel,
                        (step_y * OW + step_x) * out_pixel,
                        *counts, *taps,
                    ))  # fmt: skip
        rows = begin, max(end - begin, 0), first, last - first
        table.append((found, len(strips), *rows))
    made = Bands(np.array(table, np.int64), np.array(strips, np.int64))
    for array in made:
        array.flags.writeable = False  # shared by all who ask
    return made


def _lines(y: Span, x: Span):
    """A rectangle of outputs as lines along its longer side: (oy, ox, steps, count)."""
    if x.outputs >= y.outputs:
        return [(oy, x.first, 0, 1, x.outputs) for oy in range(y.first, y.last)]
    return [(y.first, ox, 1, 0, y.outputs) for ox in range(x.first, x.last)]


@functools.cache
def groups(count: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """How many groups of each size are ``count`` outputs: as few as possible.

    ``sizes`` descend to 1.
    """
    largest, *smaller = sizes
    if not smaller:
        return (count,)
    most = count // largest
    # One less of the largest may spare some (14 = 6 + 4 + 4), two less never do.
    ways = (
        (n, *groups(count - n * largest, tuple(smaller)))
        for n in range(max(most - 1, 0), most + 1)
    )
    return min(ways, key=sum)


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
        # Rows that two bands read are widened twice: at most half of them. 129x129x32
        # took 213 us in bands of one row of outputs, 157 in bands of four (AVX-512);
        # of stride 2, with half of them to begin with, 56x56x144 44 us, and 70.
        shared = reach - window.stride[0]
        rows = min(3 * shared, MOST_WIDE_BYTES // (W * wide))
        rows = max(rows, WIDE_BYTES // (W * wide))
    elif H * W * C * 4 > L2_BYTES:
        rows = BAND_BYTES // (W * C * 4)
    height = max(1, (rows - reach) // window.stride[0] + 1)
    return min(height, OH, -(-OH // -(-threads // N)))
