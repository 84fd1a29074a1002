"""Convolution as an implicit GEMM: AMX tiles read the padded image where it lies.

A tile register is loaded from rows a constant distance apart, and neighbouring output
pixels read windows a constant distance apart, stride times C bytes: sixteen of them
are a tile's rows with nothing gathered. Along K the bytes are those of runs (taps that
touch, KW * C bytes, or one tap), each padded by the packer with weights of 0 to whole
blocks of 64 k; ``places`` holds where each block begins, relative to the window.

Output pixels are counted along rows of ``row_pixels``, of which the first OW are real:
either as many as the padded image has steps in a row, so that one row goes on into the
next, or OW rounded up to whole registers. What is computed for the others is dropped.
"""

from qd8.kernels.amx_gemm import product
from qd8.kernels.chain import apply_tail
from qd8.kernels.epilogue import least_scale
from qd8.kernels.gemm_memory import AMX_SCRATCH as SCRATCH
from qd8.kernels.gemm_memory import REGISTER_ROWS
from qd8.kernels.jit import njit
from qd8.kernels.scalars import real_word, store_scalar, word
from qd8.kernels.tile_amx import configure, place_starts, release
from qd8.kernels.tile_amx_outputs import tile_outputs
from qd8.kernels.vector import F32

TILE_ROWS = 32
BLOCK_BYTES = 64  # of k


def convolution(source, TIER, NR, OUT):
    """Output pixels of tasks of a grid of tile shares by panel shares.

    Arguments: those of igemm.convolution, but ``row_pixels`` instead of the last, bytes
    from run to run: runs are padded to blocks of 64. "Rows in a block" are pixels of
    such rows.
    """

    def convolution(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        image, image_bytes = word(arguments, 0), word(arguments, 1)
        panels = word(arguments, 2)
        out, acc = word(arguments, 3), word(arguments, 4)
        images, OH, OW = word(arguments, 5), word(arguments, 6), word(arguments, 7)
        channels = word(arguments, 8)
        row_bytes, pixel_bytes = word(arguments, 9), word(arguments, 10)
        groups, group_bytes = word(arguments, 16), word(arguments, 17)
        N = word(arguments, 18)
        blocks, panel_bytes = word(arguments, 19) // BLOCK_BYTES, word(arguments, 20)
        block_rows = word(arguments, 21)
        grid_rows, grid_columns = word(arguments, 22), word(arguments, 23)
        scratch = word(arguments, 24) + word(arguments, 25) * task
        scale, zero_point = word(arguments, 26), word(arguments, 27)
        lo, hi = real_word(arguments, 28), real_word(arguments, 29)
        tail, tail_arguments = word(arguments, 30), word(arguments, 31)
        pitch, row_pixels = word(arguments, 32), word(arguments, 33)
        size = 4 if OUT == F32 else 2
        places = scratch + SCRATCH
        starts, started = places + (8 * blocks + 63) // 64 * 64, -1
        place_blocks(
            places, word(arguments, 11), word(arguments, 12), word(arguments, 13),
            word(arguments, 14), word(arguments, 15),
        )  # fmt: skip
        pixels = row_pixels * (OH - 1) + OW
        units = (pixels + TILE_ROWS - 1) // TILE_ROWS
        i, j = task // grid_columns, task % grid_columns
        count = (N + NR - 1) // NR
        first, last = count * j // grid_columns, count * (j + 1) // grid_columns
        unit, last_unit = units * images * i // grid_rows, units * images * (i + 1)
        last_unit = last_unit // grid_rows
        configure(TIER)
        while unit < last_unit:
            # A block stays within one image: its rows share scale and zero point.
            n = unit // units
            begin = (unit - n * units) * TILE_ROWS
            stop = min(last_unit - n * units, units) * TILE_ROWS
            end = min(begin + block_rows, min(stop, pixels))
            least = least_scale(TIER, scale + 4 * n, 1)
            for group in range(groups):
                if started != n * groups + group:
                    started = n * groups + group
                    for p in range(first, last):
                        at = panels + panel_bytes * (count * group + p)
                        place_starts(TIER, starts + 128 * p, at, zero_point + 4 * n)
                for p in range(first, last):
                    pixel, channel = OH * OW * n, N * group + NR * p
                    to = out + size * (pitch * pixel + channel)
                    acc_to = acc + 4 * (channels * pixel + channel) if acc else 0
                    multiply_panel(
                        TIER, OUT, image + image_bytes * n + group_bytes * group,
                        row_bytes, pixel_bytes, begin, end, OH, OW, row_pixels, blocks,
                        places, panels + panel_bytes * (count * group + p),
                        min(NR, N - NR * p), scale + 4 * n, zero_point + 4 * n, least,
                        to, size * pitch, lo, hi, acc_to, 4 * channels, scratch,
                        starts + 128 * p,
                    )  # fmt: skip
                done = real_pixels(begin, OW, row_pixels)
                apply_tail(
                    tail, tail_arguments,
                    channels * (OH * OW * n + done) + N * group + NR * first,
                    real_pixels(end, OW, row_pixels) - done,
                    min(NR * last, N) - NR * first, channels,
                )  # fmt: skip
            unit += (end - begin + TILE_ROWS - 1) // TILE_ROWS
        release(TIER)

    return convolution


@njit
def place_blocks(places, runs_y, runs_x, step_y, step_x, length):
    """Write where each block of k begins, in bytes from the window's first."""
    for ky in range(runs_y):
        for kx in range(runs_x):
            for k in range(0, length, BLOCK_BYTES):
                store_scalar(places, step_y * ky + step_x * kx + k)
                places += 8


@njit
def real_pixels(pixel, OW, row_pixels):
    """How many of the first ``pixel`` pixels are real."""
    y = pixel // row_pixels
    return OW * y + min(pixel - row_pixels * y, OW)


@njit
def multiply_panel(
    TIER, OUT, image, row_bytes, pixel_bytes, begin, end, OH, OW, row_pixels, blocks,
    places, panel, columns, scale, zero_point, least, out, out_step, lo, hi, acc,
    acc_step, scratch, starts,
):  # fmt: skip
    """Pixels ``begin`` to ``end`` of one image times one panel."""
    y, x = begin // row_pixels, begin % row_pixels
    for pixel in range(begin, end, TILE_ROWS):
        rows = min(end - pixel, TILE_ROWS)
        a = image + row_bytes * y + pixel_bytes * x
        # The second register's pixels may begin another row.
        further = x + REGISTER_ROWS
        a_high = a + pixel_bytes * REGISTER_ROWS
        if further >= row_pixels:
            ahead = further // row_pixels
            a_high = image + row_bytes * (y + ahead)
            a_high += pixel_bytes * (further - row_pixels * ahead)
        product(TIER, 1, rows, columns, scratch, starts, a, a_high, pixel_bytes, places,
                blocks, panel)  # fmt: skip
        # Pieces of output rows.
        r = 0
        while r < rows:
            n = min(OW - x, rows - r)
            if n > 0:
                at = OW * y + x
                tile_outputs(
                    TIER, OUT, n, scratch + 128 * r, panel, blocks, scale, zero_point,
                    0, out + out_step * at, out_step, columns, lo, hi,
                    acc + acc_step * at if acc else 0, acc_step, least,
                )  # fmt: skip
            step = min(row_pixels - x, rows - r)
            r, x = r + step, x + step
            if x == row_pixels:
                y, x = y + 1, 0
