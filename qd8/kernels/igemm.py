"""Convolution as an indirect GEMM over a quantized, physically padded image.

A convolution is three kernels: image_ranges and quantize_images (quantize.py) write
the quantized image with its padding, whose value is the image's own step of 0.0;
this one multiplies. A row of the GEMM is an output pixel; its K activations are
``runs`` of consecutive bytes of the padded image (a run is KW*C long where
neighbouring taps touch, else one tap), copied side by side into the task's scratch,
so K is exactly KH*KW*C and the tiles are those of the fully connected operator.
"""

from qd8.kernels.chain import apply_tail
from qd8.kernels.copies import store_copies
from qd8.kernels.gemm import multiply, row_place
from qd8.kernels.gemm_memory import AMX, MADD, MADDUBS, SLACK
from qd8.kernels.gemm_memory import AMX_SCRATCH as SCRATCH
from qd8.kernels.jit import njit
from qd8.kernels.scalars import real_word, word
from qd8.kernels.tile_amx import configure, place_starts, release
from qd8.kernels.vector import F32, I16, I32, load, store


@njit
def _copy(TIER, source, to, count):
    """``count`` bytes in units of 64: up to 63 more are read and written."""
    for i in range(0, count, 64):
        store(TIER, I32, to + i, load(TIER, I32, source + i))


@njit
def _side_by_side(TIER, source, to, runs_y, runs_x, step_y, step_x, length, run_step):
    """Copy one pixel's runs, ``run_step`` bytes apart; returns where they end."""
    for ky in range(runs_y):
        for kx in range(runs_x):
            _copy(TIER, source + step_y * ky + step_x * kx, to, length)
            to += run_step
    return to


@njit
def _gather(TIER, FAMILY, source, to, stride, runs_y, runs_x, step_y, step_x, length,
            run_step, linear):  # fmt: skip
    """Copy one pixel's runs into its packed row.

    ``length`` is bytes of a run. Rows of int16 and of complemented copies are packed
    in chunks of sixteen elements, ``stride`` apart: straight where runs are whole
    chunks, else through ``linear``.
    """
    if FAMILY != MADD and FAMILY != MADDUBS:
        _side_by_side(TIER, source, to, runs_y, runs_x, step_y, step_x, length,
                      run_step)  # fmt: skip
        return
    chunk = 32 if FAMILY == MADD else 16
    if length % chunk != 0:
        end = _side_by_side(TIER, source, linear, runs_y, runs_x, step_y, step_x,
                            length, length)  # fmt: skip
        source, length, runs_y, runs_x = linear, end - linear, 1, 1
    for ky in range(runs_y):
        for kx in range(runs_x):
            at = source + step_y * ky + step_x * kx
            for i in range(0, length, chunk):
                if FAMILY == MADD:
                    store(TIER, I16, to, load(TIER, I16, at + i))
                else:
                    store_copies(TIER, to, stride // 2, at + i)
                to += stride


def convolution(source, TIER, FAMILY, MR, NR, KB, OUT):
    """Output pixels of tasks of a grid of pixel shares by panel shares.

    Arguments: image, bytes an image, panels, out, acc, images, OH, OW, O,
    bytes from output row to row and pixel to pixel in the image, runs_y, runs_x,
    step_y, step_x, bytes of a run, groups, bytes of a group's channels, N of a
    group, K, panel bytes, rows in a block, grid rows, grid columns, scratch,
    scratch bytes a task, scale, zero_point, lo and hi (float32 bits), the tail and
    its arguments (chain.py), elements from pixel to pixel of out, bytes from run to
    run of a packed row. With a tail pixels touch.
    """

    def convolution(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        image, image_bytes = word(arguments, 0), word(arguments, 1)
        panels = word(arguments, 2)
        out, acc = word(arguments, 3), word(arguments, 4)
        images, OH, OW = word(arguments, 5), word(arguments, 6), word(arguments, 7)
        channels = word(arguments, 8)
        row_bytes, pixel_bytes = word(arguments, 9), word(arguments, 10)
        runs_y, runs_x = word(arguments, 11), word(arguments, 12)
        step_y, step_x = word(arguments, 13), word(arguments, 14)
        length = word(arguments, 15)
        groups, group_bytes = word(arguments, 16), word(arguments, 17)
        N = word(arguments, 18)
        K, panel_bytes = word(arguments, 19), word(arguments, 20)
        block_rows = word(arguments, 21)
        grid_rows, grid_columns = word(arguments, 22), word(arguments, 23)
        scratch = word(arguments, 24) + word(arguments, 25) * task
        scale, zero_point = word(arguments, 26), word(arguments, 27)
        lo, hi = real_word(arguments, 28), real_word(arguments, 29)
        tail, tail_arguments = word(arguments, 30), word(arguments, 31)
        pitch = word(arguments, 32)
        run_step = word(arguments, 33)
        size = 4 if OUT == F32 else 2
        blocks = (K + KB - 1) // KB
        corner = scratch
        a = corner + SCRATCH if FAMILY == AMX else corner
        linear = scratch + word(arguments, 25) - 2 * KB * blocks - SLACK
        i, j = task // grid_columns, task % grid_columns
        pixels = OH * OW
        units = (pixels + MR - 1) // MR
        count = (N + NR - 1) // NR
        first, last = count * j // grid_columns, count * (j + 1) // grid_columns
        first_unit = units * images * i // grid_rows
        last_unit = units * images * (i + 1) // grid_rows
        starts, started = (linear - 128 * count) // 64 * 64, -1
        if FAMILY == AMX:
            configure(TIER)
        unit = first_unit
        while unit < last_unit:
            # A block stays within one image: its rows share scale and zero point.
            n = unit // units
            begin = (unit - n * units) * MR
            stop = min(last_unit - n * units, units) * MR
            end = min(begin + block_rows, min(stop, pixels))
            rows = end - begin
            for group in range(groups):
                if FAMILY == AMX and started != n * groups + group:
                    started = n * groups + group
                    for p in range(first, last):
                        at = panels + panel_bytes * (count * group + p)
                        place_starts(TIER, starts + 128 * p, at, zero_point + 4 * n)
                origin = image + image_bytes * n + group_bytes * group
                oy, ox = begin // OW, begin % OW
                for r in range(rows):
                    if ox == OW:
                        oy, ox = oy + 1, 0
                    to, stride = row_place(FAMILY, MR, KB, a, rows, blocks, r)
                    _gather(TIER, FAMILY, origin + row_bytes * oy + pixel_bytes * ox,
                            to, stride, runs_y, runs_x, step_y, step_x, length,
                            run_step, linear)  # fmt: skip
                    ox += 1
                at = pixels * n + begin
                multiply(
                    TIER, FAMILY, MR, NR, KB, OUT, a, rows, K, blocks,
                    panels + panel_bytes * count * group, first, last, panel_bytes, N,
                    scale + 4 * n, zero_point + 4 * n, 0,
                    out + size * (pitch * at + N * group), size * pitch, lo, hi,
                    acc + 4 * (channels * at + N * group) if acc else 0, 4 * channels,
                    corner, starts, 128,
                )  # fmt: skip
                columns = min(NR * last, N) - NR * first
                apply_tail(
                    tail, tail_arguments, channels * at + N * group + NR * first, rows,
                    columns, channels,
                )  # fmt: skip
            unit += (rows + MR - 1) // MR
        if FAMILY == AMX:
            release(TIER)

    return convolution
