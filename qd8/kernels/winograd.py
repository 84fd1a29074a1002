"""Exact integer Winograd: a convolution from a fraction of the products.

The image is quantized as for the direct path, to int16 differences q - zero_point,
and padded so that the windows of whole tiles of outputs are inside. Then

    for each task (a share of the tiles times a share of the panels)
        for each block of tiles
            transform the windows: V                    (winograd_transform.py)
            for a few panels of output channels at a time
                for each block of input channels        (one, if the proof holds)
                    for each position of the variant    (winograd_variants.py)
                        for each panel, for each few tiles
                            M = sum over blocks of taps and channels of U V
                                                        (winograd_tile.py)
                    for each tile and vector of channels
                        accumulators from M; after the last block R14, one store
                                                        (winograd_output.py)

A kernel with more taps than the variant has is cut into blocks of taps, whose windows
are shifted; their products are added in the transformed domain, like those of
channels. V and M live in the task's scratch; the block is small enough for them to
stay in L2 while U streams through. Layouts (all int16 in chunks of 16 input channels):

    V   [few tiles][block of channels][position][block of taps][K/16][tiles][16]
    U   a panel: [block of channels][position][block of taps][K/2][NR][2], then
        weight_scale and bias
    M   [panel of a few][tile][position][NR] int32

With a dilation d the tiles of each of the d phases of rows and columns are
convolutions of their own: only the places of windows and outputs differ. A variant
along columns runs along rows too: its arguments are then exchanged.
"""

import numpy as np

from qd8.kernels import winograd_memory
from qd8.kernels.chain import apply_tail
from qd8.kernels.jit import njit
from qd8.kernels.scalars import load_int, real_word, store_scalar, word
from qd8.kernels.vector import F32
from qd8.kernels.winograd_memory import CHUNK, PLACE, SPARE
from qd8.kernels.winograd_output import transform_output
from qd8.kernels.winograd_tile import words_tile
from qd8.kernels.winograd_transform import transform_input
from qd8.kernels.winograd_variants import VARIANTS

odd_lines = njit(winograd_memory.odd_lines)


@njit
def _few(tiles, MR):
    """How many shares a block's tiles are cut into: at most MR each, nearly equal."""
    return (tiles + MR - 1) // MR


@njit
def _first_output(tile, outputs, dilation):
    """The first output row (or column) of a tile's row (or column)."""
    if dilation == 1:
        return outputs * tile
    return tile // dilation * (outputs * dilation) + tile % dilation


@njit
def _inside(first, outputs, size, dilation):
    """How many of a tile's rows (or columns) are in the image; may be 0 or less."""
    left = size - first
    if dilation > 1:
        left = (left + dilation - 1) // dilation
    return min(outputs, left)


@njit
def _transform_block(TIER, VARIANT, POSITIONS, MR, tiles, places, ends, splits, taps,
                     parts, tap_row, tap_pixel, v, v_bytes):  # fmt: skip
    """V of a block of tiles."""
    few = _few(tiles, MR)
    for g in range(few):
        first = tiles * g // few
        n = tiles * (g + 1) // few - first
        out, begin = v + v_bytes * g, 0
        for s in range(splits):
            end = word(ends, s)
            step = odd_lines(32 * MR * parts * (end - begin))
            at = out
            for part in range(parts):
                tap = tap_row * word(taps, 2 * part)
                tap += tap_pixel * word(taps, 2 * part + 1)
                for chunk in range(begin, end):
                    for r in range(n):
                        window = word(places + PLACE * (first + r), 0)
                        transform_input(
                            TIER, VARIANT, window + tap + 2 * CHUNK * chunk, tap_row,
                            tap_pixel, at + 32 * r, step,
                        )  # fmt: skip
                    at += 32 * n
            out += POSITIONS * step
            begin = end


@njit
def _multiply_block(TIER, POSITIONS, MR, NR, tiles, v, v_bytes, u, panel_bytes, panels,
                    chunks, step, m, m_bytes, following):  # fmt: skip
    """M of a block of tiles, a few panels and one block of input channels.

    following: address of the weights that the next block will begin with.
    """
    few, size = _few(tiles, MR), 32 * NR * chunks
    for position in range(POSITIONS):
        for p in range(panels):
            weights = u + panel_bytes * p + size * position
            ahead = weights + panel_bytes
            if p + 1 == panels:
                ahead = u + size * (position + 1)
                if position + 1 == POSITIONS:
                    ahead = following
            for g in range(few):
                first = tiles * g // few
                n = tiles * (g + 1) // few - first
                out = m + m_bytes * p + 4 * NR * (POSITIONS * first + position)
                words_tile(
                    TIER, MR, NR, n, v + v_bytes * g + step * position, weights,
                    chunks, out, 4 * NR * POSITIONS, ahead + size * g // few, few,
                )  # fmt: skip


@njit
def _finish_block(TIER, VARIANT, POSITIONS, OUTPUTS, LANES, NR, OUT, tiles, places, m,
                  m_bytes, weights, panel_bytes, p, panels, N, out, pitch, acc,
                  out_row, out_pixel, spare, sums, before, after, lo, hi):  # fmt: skip
    """Outputs of a block of tiles and of panels ``p`` to ``p + panels - 1``.

    m: of these panels, ``m_bytes`` from one to the next; sums lie in the same order.
    """
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
            pixel, at = word(place, 1), channel + column
            panel = weights + panel_bytes * (p + column // NR)
            products = m + m_bytes * (column // NR) + 4 * (column % NR)
            kept = sums + m_bytes // POSITIONS * OUTPUTS * (column // NR)
            transform_output(
                TIER, VARIANT, OUT, products + 4 * NR * POSITIONS * t, 4 * NR,
                panel + tail + 4 * (column % NR), 4 * NR, word(place, 3),
                N - channel - column, np.int64(rows), np.int64(pixels),
                out + size * (pitch * pixel + at), size * pitch * out_row,
                size * pitch * out_pixel, acc + 4 * (N * pixel + at) if acc else 0,
                4 * N * out_row, 4 * N * out_pixel,
                spare, kept + 4 * NR * OUTPUTS * t + 4 * (column % NR), 4 * NR, before,
                after, lo, hi,
            )  # fmt: skip


@njit
def _place_tiles(MY, MX, places, unit, tiles, tiles_y, tiles_x, image, image_bytes,
                 window_row, window_pixel, OH, OW, out_row, out_pixel, dilation_y,
                 dilation_x, scale):  # fmt: skip
    """Where the windows, outputs and scales of ``tiles`` tiles from ``unit`` on are."""
    tile_y, tile_x = unit // tiles_x, unit % tiles_x
    n, tile_y = tile_y // tiles_y, tile_y % tiles_y
    for t in range(tiles):
        if tile_x == tiles_x:
            tile_y, tile_x = tile_y + 1, 0
        if tile_y == tiles_y:
            n, tile_y = n + 1, 0
        y = _first_output(tile_y, MY, dilation_y)
        x = _first_output(tile_x, MX, dilation_x)
        place = places + PLACE * t
        window = image + image_bytes * n + window_row * y + window_pixel * x
        store_scalar(place, window)
        store_scalar(place + 8, OH * OW * n + out_row * y + out_pixel * x)
        # Where a phase has fewer tiles than others these are 0 or less.
        store_scalar(place + 16, np.int32(_inside(y, MY, OH, dilation_y)))
        store_scalar(place + 20, np.int32(_inside(x, MX, OW, dilation_x)))
        store_scalar(place + 24, scale + 4 * n)
        tile_x += 1


@njit
def _finish_tiles(tail, arguments, tiles, places, channel, columns, N, row_step,
                  pixel_step):  # fmt: skip
    """Have the tail finish ``columns`` channels of a block of tiles."""
    for t in range(tiles):
        place = places + PLACE * t
        rows, pixels = load_int(place + 16), load_int(place + 20)
        for r in range(rows if pixels > 0 else 0):
            first = N * (word(place, 1) + r * row_step) + channel
            apply_tail(
                tail, arguments, first, np.int64(pixels), columns, N * pixel_step
            )


def winograd(source, TIER, LANES, MR, NR, VARIANT, OUT):
    """Outputs of tasks of a grid of tile shares by panel shares.

    Arguments: image, bytes an image, panels, out, acc, images, OH, OW, O, bytes from
    output to output of the image (row, pixel), from tap to tap (row, pixel), pixels
    of out from row to row and pixel to pixel, dilation (height, width), tile rows and
    columns, address of ``ends`` (of the blocks of input channels, in chunks of 16,
    int64), their number, address of ``taps`` (row and column of the first of each
    block of taps, int64), their number, panel bytes, most tiles in a block, panels
    at a time, grid rows, grid columns, scratch, scratch bytes a task, bytes of V of a
    few tiles, of M of a panel, scale, lo and hi (float32 bits), the tail and its
    arguments (chain.py), elements from pixel to pixel of out. With a tail pixels touch.
    """
    POSITIONS = VARIANTS[VARIANT].positions
    MY, MX = VARIANTS[VARIANT].y.outputs, VARIANTS[VARIANT].x.outputs

    def winograd(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        image, image_bytes = word(arguments, 0), word(arguments, 1)
        weights = word(arguments, 2)
        out, acc = word(arguments, 3), word(arguments, 4)
        images, OH, OW = word(arguments, 5), word(arguments, 6), word(arguments, 7)
        N = word(arguments, 8)
        window_row, window_pixel = word(arguments, 9), word(arguments, 10)
        tap_row, tap_pixel = word(arguments, 11), word(arguments, 12)
        out_row, out_pixel = word(arguments, 13), word(arguments, 14)
        dilation_y, dilation_x = word(arguments, 15), word(arguments, 16)
        tiles_y, tiles_x = word(arguments, 17), word(arguments, 18)
        ends, splits = word(arguments, 19), word(arguments, 20)
        taps, parts = word(arguments, 21), word(arguments, 22)
        panel_bytes = word(arguments, 23)
        block, together = word(arguments, 24), word(arguments, 25)
        grid_rows, grid_columns = word(arguments, 26), word(arguments, 27)
        places = word(arguments, 28) + word(arguments, 29) * task
        v_bytes, m_bytes = word(arguments, 30), word(arguments, 31)
        scale = word(arguments, 32)
        lo, hi = real_word(arguments, 33), real_word(arguments, 34)
        tail, tail_arguments = word(arguments, 35), word(arguments, 36)
        pitch = word(arguments, 37)

        spare = places + (PLACE * block + 63) // 64 * 64
        v = spare + SPARE
        m = v + v_bytes * _few(block, MR)
        sums = m + m_bytes * together
        i, j = task // grid_columns, task % grid_columns
        count = (N + NR - 1) // NR
        first, last = count * j // grid_columns, count * (j + 1) // grid_columns
        units = tiles_y * tiles_x * images
        first_unit = units * i // grid_rows
        own = units * (i + 1) // grid_rows - first_unit
        # Blocks are whole register tiles, so that nearly all of these are full.
        shares, most = _few(own, MR), _few(block, MR)
        blocks = (shares + most - 1) // most
        for b in range(blocks):
            unit = first_unit + own * (shares * b // blocks) // shares
            end = first_unit + own * (shares * (b + 1) // blocks) // shares
            tiles = end - unit
            _place_tiles(
                MY, MX, places, unit, tiles, tiles_y, tiles_x, image, image_bytes,
                window_row, window_pixel, OH, OW, out_row, out_pixel, dilation_y,
                dilation_x, scale,
            )  # fmt: skip
            _transform_block(
                TIER, VARIANT, POSITIONS, MR, tiles, places, ends, splits, taps, parts,
                tap_row, tap_pixel, v, v_bytes,
            )  # fmt: skip
            for p in range(first, last, together):
                panels = min(together, last - p)
                v_at, u, begin = v, weights + panel_bytes * p, 0
                for s in range(splits):
                    end = word(ends, s)
                    chunks = parts * (end - begin)
                    step = odd_lines(32 * MR * chunks)
                    following = weights + panel_bytes * (p + panels)
                    if s + 1 < splits:
                        following = u + POSITIONS * 32 * NR * chunks
                    _multiply_block(
                        TIER, POSITIONS, MR, NR, tiles, v_at, v_bytes, u, panel_bytes,
                        panels, chunks, step, m, m_bytes, following,
                    )  # fmt: skip
                    _finish_block(
                        TIER, VARIANT, POSITIONS, MY * MX, LANES, NR, OUT, tiles,
                        places, m, m_bytes, weights, panel_bytes, p, panels, N, out,
                        pitch, acc, out_row * dilation_y, out_pixel * dilation_x,
                        spare, sums, s, splits - 1 - s, lo, hi,
                    )  # fmt: skip
                    v_at += POSITIONS * step
                    u += POSITIONS * 32 * NR * chunks
                    begin = end
            if tail:
                columns = min(NR * last, N) - NR * first
                _finish_tiles(
                    tail, tail_arguments, tiles, places, NR * first, columns, N,
                    out_row * dilation_y, out_pixel * dilation_x,
                )  # fmt: skip

    return winograd
