"""MAX_POOL_2D and AVERAGE_POOL_2D over the taps inside the image (R23)."""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import (
    Float,
    address,
    bounds_words,
    kind,
    real_bits,
    task_count,
)
from qd8.kernels.simd import real_word, word
from qd8.kernels.vector import (
    F16,
    LANES,
    clamp,
    load,
    load_first,
    maximum,
    splat,
    store,
    store_first,
)
from qd8.kernels.windows import Pair, Sides, spans, tap_table

GRAIN = 1 << 15  # taps of a task, all channels counted


def _factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_pool(task, tasks, args):
        source  # noqa: B018
        x, out = word(args, 0), word(args, 1)
        y_taps, x_taps = word(args, 2), word(args, 3)
        H, W, C, OH, OW = (
            word(args, 4), word(args, 5), word(args, 6), word(args, 7), word(args, 8)
        )  # fmt: skip
        y_stride, x_stride = word(args, 9), word(args, 10)
        top, left, rows = word(args, 11), word(args, 12), word(args, 13)
        lo, hi = splat(real_word(args, 14)), splat(real_word(args, 15))
        average, start = word(args, 16), splat(real_word(args, 17))
        zero, pixel = np.float32(0), C * size
        for row in range(rows * task // tasks, rows * (task + 1) // tasks):
            image, oy = row // OH, row % OH
            y_low, y_high = word(y_taps, 2 * oy), word(y_taps, 2 * oy + 1)
            line = x + (image * H + oy * y_stride - top) * W * pixel
            for ox in range(OW):
                low, high = word(x_taps, 2 * ox), word(x_taps, 2 * ox + 1)
                origin = line + (ox * x_stride - left) * pixel
                to = out + (row * OW + ox) * pixel
                count = splat(np.float32((y_high - y_low) * (high - low)))
                for begin in range(0, C, LANES):
                    # The last lanes begin earlier rather than being fewer.
                    c = max(0, min(begin, C - LANES))
                    y = start
                    for ky in range(y_low, y_high):
                        for kx in range(low, high):
                            at = origin + (ky * W + kx) * pixel + c * size
                            if C >= LANES:
                                tap = load(TIER, KIND, at)
                            else:
                                tap = load_first(TIER, KIND, at, C, zero)
                            y = y + tap if average else maximum(TIER, y, tap)
                    if average:
                        y = y / count
                    y = clamp(TIER, y, lo, hi)
                    if C >= LANES:
                        store(TIER, KIND, to + c * size, y)
                    else:
                        store_first(TIER, KIND, to, y, C)

    return float_pool


def bind_max_pool_2d(
    x: Float,
    out: Float,
    *,
    window: Pair,
    stride: Pair,
    padding: Sides,
    activation: str,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C) the maxima (R3) of ``x`` (N, H, W, C)."""
    return _bind(x, out, window, stride, padding, activation, threads, average=False)


def bind_average_pool_2d(
    x: Float,
    out: Float,
    *,
    window: Pair,
    stride: Pair,
    padding: Sides,
    activation: str,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C) the means of ``x`` (N, H, W, C)."""
    return _bind(x, out, window, stride, padding, activation, threads, average=True)


def _bind(x, out, window, stride, padding, activation, threads, *, average):
    if out.size == 0:
        return []
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    (top, _), (left, _) = padding
    y_taps = tap_table(spans(H, window[0], stride[0], 1, top, OH))
    x_taps = tap_table(spans(W, window[1], stride[1], 1, left, OW))
    words = (
        *map(address, (x, out, y_taps, x_taps)),
        *(H, W, C, OH, OW, *stride, top, left, N * OH),
        *bounds_words(activation),
        int(average),
        real_bits(0.0 if average else -np.inf),
    )
    tasks = task_count(out.size * window[0] * window[1], GRAIN, min(threads, N * OH))
    kernel = cache.kernel(_factory, isa.current().id, kind(x))
    return [launch.bind(kernel, words, tasks, x, out, y_taps, x_taps)]
