"""Exact integer Winograd: a 3x3 convolution of stride 1 with a quarter of the products.

The image is quantized as for the direct path, to int16 differences q - zero_point,
and padded so that whole 4x4 tiles of outputs have their 6x6 windows inside. Then

    for each task (a share of the tiles times a share of the panels)
        for each block of tiles
            transform the windows: V                    (winograd_transform.py)
            for a few panels of output channels at a time
                for each block of input channels        (one, if the proof holds)
                    for each of the 36 positions
                        for each panel, for each few tiles
                            M = sum over channels of U V    (winograd_tile.py)
                    for each tile and vector of channels
                        accumulators from M; after the last block R14, one store

V and M live in the task's scratch; the block is small enough for them to stay in L2
while U streams through. Layouts (all int16 in chunks of 16 input channels):

    V   [few tiles][block of channels][36][K/16][tiles][16]
    U   a panel: [block of channels][36][K/2][NR][2], then weight_scale and bias
    M   [tile][36][channels of a few panels] int32

With a dilation d the tiles of each of the d phases of rows and columns are
convolutions of their own: only the places of windows and outputs differ.
"""

import numpy as np
from numba import njit

from qd8.kernels.simd import load_int, real_word, store_scalar, word
from qd8.kernels.vector import F32
from qd8.kernels.winograd_tile import words_tile
from qd8.kernels.winograd_transform import (
    CHUNK,
    POSITIONS,
    SPARE,
    transform_input,
    transform_output,
)

TILE = 4  # outputs of a tile in each direction
PLACE = 32  # bytes of a tile's place: window, output, rows, pixels, scale


@njit
def odd_lines(size):
    """``size`` bytes in an odd number of cache lines.

    So 36 positions this far apart are in 36 different cache sets.
    """
    return ((size + 63) // 64 | 1) * 64


@njit
def _few(tiles, MR):
    """How many shares a block's tiles are cut into: at most MR each, nearly equal."""
    return (tiles + MR - 1) // MR


@njit
def _first_output(tile, dilation):
    """The first output row (or column) of a tile's row (or column)."""
    if dilation == 1:
        return TILE * tile
    return tile // dilation * (TILE * dilation) + tile % dilation


@njit
def _inside(first, size, dilation):
    """How many of a tile's rows (or columns) are outputs; may be 0 or less."""
    left = size - first
    if dilation > 1:
        left = (left + dilation - 1) // dilation
    return min(TILE, left)


@njit
def _transform_block(TIER, MR, tiles, places, ends, splits, row_step, pixel_step, v,
                     v_bytes):  # fmt: skip
    """V of a block of tiles."""
    few = _few(tiles, MR)
    for g in range(few):
        first = tiles * g // few
        n = tiles * (g + 1) // few - first
        out, begin = v + v_bytes * g, 0
        for s in range(splits):
            end = word(ends, s)
            step = odd_lines(32 * MR * (end - begin))
            for chunk in range(begin, end):
                at = out + 32 * n * (chunk - begin)
                for r in range(n):
                    window = word(places + PLACE * (first + r), 0)
                    transform_input(
                        TIER, window + 2 * CHUNK * chunk, row_step, pixel_step,
                        at + 32 * r, step,
                    )  # fmt: skip
            out += POSITIONS * step
            begin = end


@njit
def _multiply_block(TIER, MR, NR, tiles, v, v_bytes, u, panel_bytes, panels, chunks,
                    step, m, m_step):  # fmt: skip
    """M of a block of tiles, a few panels and one block of input channels."""
    few = _few(tiles, MR)
    for position in range(POSITIONS):
        for p in range(panels):
            weights = u + panel_bytes * p + 32 * NR * chunks * position
            for g in range(few):
                first = tiles * g // few
                n = tiles * (g + 1) // few - first
                out = m + m_step * (POSITIONS * first + position) + 4 * NR * p
                words_tile(
                    TIER, MR, NR, n, v + v_bytes * g + step * position, weights,
                    chunks, out, POSITIONS * m_step,
                )  # fmt: skip


@njit
def _finish_block(TIER, LANES, NR, OUT, tiles, places, m, m_step, weights, panel_bytes,
                  p, panels, N, out, acc, row_pixels, dilation_x, spare, sums, before,
                  after, lo, hi):  # fmt: skip
    """Outputs of a block of tiles and of panels ``p`` to ``p + panels - 1``."""
    size = 4 if OUT == F32 else 2
    channel = NR * p
    columns = min(NR * panels, N - channel)
    tail = panel_bytes - 8 * NR
    for t in range(tiles):
        place = places + PLACE * t
        rows, pixels = load_int(place + 16), load_int(place + 20)
        if rows <= 0 or pixels <= 0:
            continue
        for column in range(0, columns, LANES):
            at = N * word(place, 1) + channel + column
            panel = weights + panel_bytes * (p + column // NR)
            transform_output(
                TIER, OUT, m + m_step * POSITIONS * t + 4 * column, m_step,
                panel + tail + 4 * (column % NR), 4 * NR, word(place, 3),
                N - channel - column, np.int64(rows), np.int64(pixels),
                out + size * at, size * N * row_pixels, size * N * dilation_x,
                acc + 4 * at if acc else 0, 4 * N * row_pixels, 4 * N * dilation_x,
                spare, sums + m_step * 16 * t + 4 * column, m_step, before, after,
                lo, hi,
            )  # fmt: skip


@njit
def _place_tiles(places, unit, tiles, tiles_y, tiles_x, image, image_bytes, row_bytes,
                 pixel_bytes, OH, OW, dilation_y, dilation_x, scale):  # fmt: skip
    """Where the windows, outputs and scales of ``tiles`` tiles from ``unit`` on are."""
    tile_y, tile_x = unit // tiles_x, unit % tiles_x
    n, tile_y = tile_y // tiles_y, tile_y % tiles_y
    for t in range(tiles):
        if tile_x == tiles_x:
            tile_y, tile_x = tile_y + 1, 0
        if tile_y == tiles_y:
            n, tile_y = n + 1, 0
        y, x = _first_output(tile_y, dilation_y), _first_output(tile_x, dilation_x)
        place = places + PLACE * t
        store_scalar(place, image + image_bytes * n + row_bytes * y + pixel_bytes * x)
        store_scalar(place + 8, (OH * n + y) * OW + x)
        # Where a phase has fewer tiles than others these are 0 or less.
        store_scalar(place + 16, np.int32(_inside(y, OH, dilation_y)))
        store_scalar(place + 20, np.int32(_inside(x, OW, dilation_x)))
        store_scalar(place + 24, scale + 4 * n)
        tile_x += 1


def winograd(source, TIER, LANES, MR, NR, OUT):
    """Outputs of tasks of a grid of tile shares by panel shares.

    Arguments: image, bytes an image, panels, out, acc, images, OH, OW, O, bytes from
    row to row and pixel to pixel of the image, dilation (height, width), tile rows
    and columns, address of ``ends`` (of the blocks of input channels, in chunks of
    16, int64), their number, panel bytes, tiles in a block, panels at a time, grid
    rows, grid columns, scratch, scratch bytes a task, bytes of V of a few tiles, of
    a position of M, scale, lo and hi (float32 bits).
    """

    def winograd(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        image, image_bytes = word(arguments, 0), word(arguments, 1)
        weights = word(arguments, 2)
        out, acc = word(arguments, 3), word(arguments, 4)
        images, OH, OW = word(arguments, 5), word(arguments, 6), word(arguments, 7)
        N = word(arguments, 8)
        row_bytes, pixel_bytes = word(arguments, 9), word(arguments, 10)
        dilation_y, dilation_x = word(arguments, 11), word(arguments, 12)
        tiles_y, tiles_x = word(arguments, 13), word(arguments, 14)
        ends, splits = word(arguments, 15), word(arguments, 16)
        panel_bytes = word(arguments, 17)
        block, together = word(arguments, 18), word(arguments, 19)
        grid_rows, grid_columns = word(arguments, 20), word(arguments, 21)
        places = word(arguments, 22) + word(arguments, 23) * task
        v_bytes, m_step = word(arguments, 24), word(arguments, 25)
        scale = word(arguments, 26)
        lo, hi = real_word(arguments, 27), real_word(arguments, 28)

        spare = places + (PLACE * block + 63) // 64 * 64
        v = spare + SPARE
        m = v + v_bytes * _few(block, MR)
        sums = m + m_step * POSITIONS * block
        i, j = task // grid_columns, task % grid_columns
        count = (N + NR - 1) // NR
        first, last = count * j // grid_columns, count * (j + 1) // grid_columns
        units = tiles_y * tiles_x * images
        last_unit = units * (i + 1) // grid_rows
        for unit in range(units * i // grid_rows, last_unit, block):
            tiles = min(block, last_unit - unit)
            _place_tiles(
                places, unit, tiles, tiles_y, tiles_x, image, image_bytes, row_bytes,
                pixel_bytes, OH, OW, dilation_y, dilation_x, scale,
            )  # fmt: skip
            _transform_block(
                TIER, MR, tiles, places, ends, splits, row_bytes * dilation_y,
                pixel_bytes * dilation_x, v, v_bytes,
            )  # fmt: skip
            for p in range(first, last, together):
                panels = min(together, last - p)
                v_at, u, begin = v, weights + panel_bytes * p, 0
                for s in range(splits):
                    chunks = word(ends, s) - begin
                    step = odd_lines(32 * MR * chunks)
                    _multiply_block(
                        TIER, MR, NR, tiles, v_at, v_bytes, u, panel_bytes, panels,
                        chunks, step, m, m_step,
                    )  # fmt: skip
                    _finish_block(
                        TIER, LANES, NR, OUT, tiles, places, m, m_step, weights,
                        panel_bytes, p, panels, N, out, acc, OW * dilation_y,
                        dilation_x, spare, sums, s, splits - 1 - s, lo, hi,
                    )  # fmt: skip
                    v_at += POSITIONS * step
                    u += POSITIONS * 32 * NR * chunks
                    begin += chunks

    return winograd
