"""RESIZE_BILINEAR of (N, H, W, C) images (R38).

Where an output pixel lies in the input is computed once, in float32 and in the order
of the definition, when the call is bound; the kernels read tables.
"""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import Float, address, aligned, kind, task_count
from qd8.kernels.jit import njit
from qd8.kernels.scalars import real_word, word
from qd8.kernels.streaming import AHEAD, LINE, PAST_CACHES, ask, drain, stream
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    load,
    load_first,
    round_half,
    splat,
    store,
    store_first,
)

GRAIN = 1 << 14  # elements of a task


@njit
def _interpolated(TIER, KIND, row, columns, OW, C, out):
    """The pixels of an input row between which an output row lies, as float32."""
    pixel, zero = C * (2 if KIND == F16 else 4), np.float32(0)
    for ox in range(OW):
        x = columns + ox * 24
        left, right = row + word(x, 0) * pixel, row + word(x, 1) * pixel
        across = splat(real_word(x, 2))
        if C >= LANES:
            for begin in range(0, C, LANES):
                # The last lanes begin earlier rather than being fewer.
                c = min(begin, C - LANES)
                a = load(TIER, KIND, left + c * pixel // C)
                b = load(TIER, KIND, right + c * pixel // C)
                store(TIER, F32, out + c * 4, a + (b - a) * across)
        else:
            a = load_first(TIER, KIND, left, C, zero)
            b = load_first(TIER, KIND, right, C, zero)
            # What this writes behind the pixel is replaced next.
            store(TIER, F32, out, a + (b - a) * across)
        out += C * 4


@njit
def _between(TIER, KIND, OUT, a, b, down):
    """Lanes of an output row; float16 is rounded here where it is kept as float32."""
    y = a + (b - a) * down
    return round_half(TIER, y) if KIND == F16 and OUT == F32 else y


@njit
def _row(TIER, KIND, OUT, STREAMED, above, below, down, out, count):
    """An output row, between two rows of scratch.

    Rows begin anywhere in a cache line, but whole lines are stored at once: a store
    to two of them takes twice as long.
    """
    size = 2 if OUT == F16 else 4
    line = LINE // size
    i = np.int64(0)
    if count >= 2 * line:
        for i in range(0, line, LANES):
            a, b = load(TIER, F32, above + i * 4), load(TIER, F32, below + i * 4)
            store(TIER, OUT, out + i * size, _between(TIER, KIND, OUT, a, b, down))
        i = (-out & LINE - 1) // size
        while i + line <= count:
            if not STREAMED:
                ask(TIER, out + i * size + AHEAD)
            for _ in range(0, line, LANES):
                a, b = load(TIER, F32, above + i * 4), load(TIER, F32, below + i * 4)
                y = _between(TIER, KIND, OUT, a, b, down)
                if STREAMED:
                    stream(TIER, OUT, out + i * size, y)
                else:
                    store(TIER, OUT, out + i * size, y)
                i += LANES
    while i + LANES <= count:
        a, b = load(TIER, F32, above + i * 4), load(TIER, F32, below + i * 4)
        store(TIER, OUT, out + i * size, _between(TIER, KIND, OUT, a, b, down))
        i += LANES
    if i < count:
        zero = np.float32(0)
        a = load_first(TIER, F32, above + i * 4, count - i, zero)
        b = load_first(TIER, F32, below + i * 4, count - i, zero)
        y = _between(TIER, KIND, OUT, a, b, down)
        store_first(TIER, OUT, out + i * size, y, count - i)


def _bilinear_factory(source, TIER, KIND, OUT, STREAMED):
    size, out_size = (2 if kind == F16 else 4 for kind in (KIND, OUT))

    def float_resize_bilinear(task, tasks, args):
        source  # noqa: B018
        rows, columns = word(args, 2), word(args, 3)  # tables of three words
        H, W, C, OH, OW = (
            word(args, 4), word(args, 5), word(args, 6), word(args, 7), word(args, 8)
        )  # fmt: skip
        total, room = word(args, 9), word(args, 11)
        # Two rows of scratch, and the input rows they are made of: many output rows
        # lie between the same two.
        above = word(args, 10) + task * 2 * room
        below = above + room
        held_above, held_below = np.int64(0), np.int64(0)
        for row in range(total * task // tasks, total * (task + 1) // tasks):
            image = word(args, 0) + row // OH * H * W * C * size
            y = rows + row % OH * 24
            top = image + word(y, 0) * W * C * size
            bottom = image + word(y, 1) * W * C * size
            if held_above != top and held_below == top:
                above, below = below, above
                held_above, held_below = held_below, held_above
            if held_above != top:
                _interpolated(TIER, KIND, top, columns, OW, C, above)
                held_above = top
            if held_below != bottom:
                _interpolated(TIER, KIND, bottom, columns, OW, C, below)
                held_below = bottom
            out = word(args, 1) + row * OW * C * out_size
            down = splat(real_word(y, 2))
            _row(TIER, KIND, OUT, STREAMED, above, below, down, out, OW * C)
        if STREAMED:
            drain()

    return float_resize_bilinear


def bind_resize_bilinear(
    x: Float,
    out: Float,
    *,
    align_corners: bool,
    half_pixel_centers: bool,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C) of ``x`` (N, H, W, C).

    They are of one dtype, or ``out`` is float32 and has the float16 numbers that R38
    makes of a float16 ``x``.
    """
    if out.size == 0:
        return []
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    rows, columns = (
        _neighbours(n, outputs, align_corners, half_pixel_centers)
        for n, outputs in ((H, OH), (W, OW))
    )
    tasks = task_count(out.size, GRAIN, min(threads, N * OH))
    room = -(-OW * C // LANES) * LANES + LANES
    scratch = aligned((tasks, 2, room))
    words = (
        *map(address, (x, out, rows, columns)),
        *(H, W, C, OH, OW, N * OH),
        *(address(scratch), room * 4),
    )
    streamed = int(out.nbytes >= PAST_CACHES)
    kernel = cache.kernel(
        _bilinear_factory, isa.current().id, kind(x), kind(out), streamed
    )
    return [launch.bind(kernel, words, tasks, x, out, rows, columns, scratch)]


def _neighbours(n, outputs, align_corners, half_pixel_centers):
    """(outputs, 3) int64: the input before, the one behind, and the bits between."""
    places, scale = places_and_scale(n, outputs, align_corners)
    at = places * scale
    if half_pixel_centers:
        at = at + (np.float32(0.5) * scale - np.float32(0.5))
    at = np.minimum(np.maximum(at, np.float32(0)), np.float32(n - 1))
    before = np.floor(at)
    first = before.astype(np.int64)
    weight = (at - before).view(np.uint32)
    return np.stack([first, np.minimum(first + 1, n - 1), weight], 1).astype(np.int64)


def places_and_scale(n, outputs, align_corners):
    """0 to ``outputs`` - 1, and the inputs from one output to the next, in float32."""
    corners = align_corners and outputs > 1
    scale = np.float32(n - corners) / np.float32(outputs - corners)
    return np.arange(outputs).astype(np.float32), scale
