"""Fully connected: quantize a block of rows into scratch, multiply by the panels.

The loop nest, in one parallel region, nothing written to memory twice:

    for each task (a share of the rows times a share of the panels)
        for each block of rows
            quantize and pack the rows into the task's scratch      (quantize.py)
            for each panel                                          (stays in L1)
                for each tile of MR rows                            (tile*.py)
                    accumulate all of K in registers, epilogue, store once
"""

import numpy as np

from qd8.kernels import amx_gemm, gemm_memory
from qd8.kernels.chain import apply_tail
from qd8.kernels.copies import PAIR, write_copies
from qd8.kernels.epilogue import least_scale, outputs_form
from qd8.kernels.gemm_memory import (
    AMX,
    AMX_SCRATCH,
    COPIES,
    MADD,
    MADDUBS,
    PARAMETERS,
    PRODUCTS,
    RANGE_ROWS,
    ROW_SLACK,
    VECTORS,
)
from qd8.kernels.gemm_memory import COLUMNS as HALF
from qd8.kernels.jit import njit
from qd8.kernels.quantize import store_parameters, write_row
from qd8.kernels.row_ranges import store_ranges
from qd8.kernels.scalars import load_int, real_word, word
from qd8.kernels.tile import register_tile
from qd8.kernels.tile_amx import configure, release
from qd8.kernels.tile_maddubs import SCALES, complemented_tile
from qd8.kernels.vector import (
    F32,
    I16,
    LANES,
    U8,
    load,
    load_first,
    store,
    store_first,
)

TOGETHER = 128 << 10  # bytes of rows whose ranges are found before they are written
UNIT = 8  # rows by which shares of higher tiles differ


held_rows = njit(gemm_memory.held_rows)


@njit
def multiply(
    TIER, FAMILY, MR, NR, KB, OUT, a, rows, K, blocks, panels, first, last, panel_bytes,
    N, scale, zero_point, row_step, out, out_stride, lo, hi, acc, acc_stride, corner,
    starts, starts_step,
):  # fmt: skip
    """Packed rows times panels ``first`` to ``last``.

    ``corner`` is AMX's scratch; panel p's accumulators start at ``starts +
    starts_step * p`` there, zeros where rows have zero points of their own.
    """
    out_size = 4 if OUT == F32 else 2
    a_stride = KB * blocks + ROW_SLACK
    if FAMILY == AMX:
        amx_gemm.multiply(
            TIER, NR, OUT, a, a_stride, rows, K, blocks, panels, first, last,
            panel_bytes, N, scale, zero_point, row_step, out, out_stride, lo, hi, acc,
            acc_stride, corner, starts, starts_step,
        )  # fmt: skip
        return
    # A panel of the table of streams is two, each of half the columns.
    width = HALF if FAMILY == MADDUBS else NR
    parts = NR // width
    least = least_scale(TIER, scale, rows if row_step else 1)
    for p in range(first * parts, last * parts):
        panel = panels + panel_bytes // parts * p
        columns = min(width, N - width * p)
        if columns <= 0:
            break
        out_p = out + out_size * width * p
        acc_p = acc + 4 * width * p if acc else 0
        if FAMILY == MADDUBS:
            panel = word(panel, 0)
            tail = panel + SCALES
            form = outputs_form(TIER, HALF, tail, least, acc, lo, hi)
        else:
            tail = panel + panel_bytes - 8 * NR
            form = outputs_form(TIER, NR, tail, least, acc, lo, hi)
        r = 0
        while r < rows:
            n = min(MR, rows - r)
            step = row_step * r
            row_acc = acc_p + acc_stride * r if acc else 0
            if FAMILY == MADD:
                at = a + 2 * KB * blocks * r
            elif FAMILY == MADDUBS:
                at = a + COPIES * KB * blocks * r
            else:
                at = a + a_stride * r
            if FAMILY == MADDUBS:
                complemented_tile(
                    TIER, OUT, MR, n, at, panel, tail, scale + step, zero_point + step,
                    row_step, out_p + out_stride * r, out_stride, columns, lo, hi,
                    row_acc, acc_stride, form,
                )  # fmt: skip
            else:
                register_tile(
                    TIER, OUT, n, at, a_stride, K, panel, tail, scale + step,
                    zero_point + step, row_step, out_p + out_stride * r, out_stride,
                    columns, lo, hi, row_acc, acc_stride, form,
                )  # fmt: skip
            r += n


@njit
def row_place(FAMILY, MR, KB, a, rows, blocks, r):
    """Where row ``r`` of a packed block begins, and the bytes between its 16s."""
    if FAMILY == MADD:
        group = r // MR * MR
        n = min(MR, rows - group)
        return a + 2 * KB * blocks * group + 32 * (r - group), 32 * n
    if FAMILY == MADDUBS:
        group = r // MR * MR
        place = COPIES * (KB * blocks * group + PAIR * (r - group))
        return a + place, 16 * COPIES * MR
    return a + (KB * blocks + ROW_SLACK) * r, 16


@njit
def pack_rows(
    TIER, FAMILY, MR, KB, X, x, K, a, rows, blocks, held_at, held, factors, row,
    image_rows, products,
):  # fmt: skip
    """Quantize ``rows`` rows of ``x`` into the packed block at ``a``.

    If there are ``factors``, K of them for each ``image_rows`` rows, of which the block
    begins with row ``row``, rows are multiplied by them before, into ``products``.

    Their scales and zero points go to the first two of the PARAMETERS arrays of
    ``held`` words at ``held_at``. Parameters are latency (two divisions, a chain of
    selects), so those of up to sixteen rows are found at once, of fewer where so many
    would not stay near until they are written.
    """
    size = 4 if X == F32 else 2
    scale, zero_point = held_at, held_at + 4 * held
    multiplier = held_at + 8 * held
    least, greatest = held_at + 12 * held, held_at + 16 * held
    vectors = held_at + 4 * PARAMETERS * held
    room = PRODUCTS if factors != 0 else TOGETHER
    together = min(max(room // (size * K), 1), RANGE_ROWS)
    for first in range(0, rows, together):
        last, at = min(first + together, rows), 4 * first
        from_ = x + size * K * first
        if factors != 0:
            for r in range(first, last):
                by = factors + size * K * ((row + r) // image_rows)
                _multiply_row(TIER, X, x + size * K * r, by, K,
                              products + size * K * (r - first))  # fmt: skip
            from_ = products
        store_ranges(TIER, X, from_, size * K, K, last - first, vectors, least + at,
                     greatest + at)  # fmt: skip
        store_parameters(TIER, least + at, greatest + at, multiplier + at,
                         zero_point + at, scale + at)  # fmt: skip
        for r in range(first, last):
            m, point = real_word(multiplier + 4 * r, 0), load_int(zero_point + 4 * r)
            _pack_row(TIER, FAMILY, MR, KB, X, from_ + size * K * (r - first), K, a,
                      rows, blocks, r, m, point)  # fmt: skip


@njit
def _multiply_row(TIER, X, x, factors, K, out):
    """``x`` times ``factors``, K elements; one rounding (R28), in float16 two (R4)."""
    size, zero = 4 if X == F32 else 2, np.float32(0)
    i = 0
    while i + LANES <= K:
        at = size * i
        store(TIER, X, out + at, load(TIER, X, x + at) * load(TIER, X, factors + at))
        i += LANES
    if i < K:
        at, left = size * i, K - i
        a = load_first(TIER, X, x + at, left, zero)
        b = load_first(TIER, X, factors + at, left, zero)
        store_first(TIER, X, out + at, a * b, left)


@njit
def _pack_row(TIER, FAMILY, MR, KB, X, at, K, a, rows, blocks, r, multiplier, point):
    to, stride = row_place(FAMILY, MR, KB, a, rows, blocks, r)
    if FAMILY == MADD:
        write_row(TIER, X, I16, at, K, to, stride, KB * blocks, multiplier, point,
                  -point)  # fmt: skip
    elif FAMILY == MADDUBS:
        linear = a - linear_bytes(KB, blocks)
        write_copies(TIER, X, at, K, to, stride, KB * blocks, multiplier, point, linear)
    else:
        # Beyond K its weights are 0: whatever lies there adds nothing.
        write_row(TIER, X, U8, at, K, to, stride, (K + 15) // 16 * 16, multiplier,
                  point, np.int32(128))  # fmt: skip


@njit
def linear_bytes(KB, blocks):
    """Bytes before a block of complemented copies: what of a row is written twice."""
    return (KB * blocks + 63) // 64 * 64


@njit
def row_share(MR, M, i, shares):
    """First and last + 1 of the rows of one of some shares, not of whole tiles of AMX.

    Of 49 rows two tasks take 24 and 25, which are packed as they are, not 32 and 17.
    """
    unit = min(MR, UNIT)
    units = (M + unit - 1) // unit
    return units * i // shares * unit, min(units * (i + 1) // shares * unit, M)


HEAD, MATRIX = 15, 8  # words before those of the matrices, and of each


def fully_connected(source, TIER, FAMILY, MR, NR, KB, X):
    """One or several operators on the same rows, which are quantized once.

    For tasks of a grid of row shares by shares of all panels.

    Arguments: x, acc (0 if not wanted, or there are several matrices), M, K, blocks,
    panel bytes, rows in a block, grid rows, grid columns, scratch, scratch bytes a
    task, matrices; what rows are multiplied by (0 if nothing), rows of an image, where
    the products lie in the scratch; then for each matrix: panels, out, N, lo and hi
    (float32 bits), the tail and its arguments (chain.py), elements from row to row of
    out. With a tail rows touch.
    """

    def fully_connected(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        x, acc = word(arguments, 0), word(arguments, 1)
        M, K = word(arguments, 2), word(arguments, 3)
        blocks, panel_bytes = word(arguments, 4), word(arguments, 5)
        block_rows = word(arguments, 6)
        grid_rows, grid_columns = word(arguments, 7), word(arguments, 8)
        scratch = word(arguments, 9) + word(arguments, 10) * task
        matrices, factors = word(arguments, 11), word(arguments, 12)
        image_rows, products = word(arguments, 13), scratch + word(arguments, 14)
        size = 4 if X == F32 else 2
        held = held_rows(block_rows)
        scale, zero_point = scratch, scratch + 4 * held
        corner = scratch + 4 * PARAMETERS * held + VECTORS
        a = corner + AMX_SCRATCH if FAMILY == AMX else corner
        if FAMILY == MADDUBS:
            a += linear_bytes(KB, blocks)
        i, j = task // grid_columns, task % grid_columns
        first_row, last_row = row_share(MR, M, i, grid_rows)
        count = 0
        for s in range(matrices):
            count += (word(arguments, HEAD + MATRIX * s + 2) + NR - 1) // NR
        first_panel, last_panel = (
            count * j // grid_columns,
            count * (j + 1) // grid_columns,
        )
        if FAMILY == AMX:
            configure(TIER)
            amx_gemm.place_zero_starts(TIER, corner)
        for m in range(first_row, last_row, block_rows):
            rows = min(block_rows, last_row - m)
            pack_rows(
                TIER, FAMILY, MR, KB, X, x + size * K * m, K, a, rows, blocks, scratch,
                held, factors, m, image_rows, products,
            )  # fmt: skip
            before = 0  # panels of earlier matrices
            for s in range(matrices):
                of = arguments + 8 * (HEAD + MATRIX * s)
                N, pitch = word(of, 2), word(of, 7)
                panels = (N + NR - 1) // NR
                first = max(first_panel - before, 0)
                last = min(last_panel - before, panels)
                before += panels
                if first >= last:
                    continue
                multiply(
                    TIER, FAMILY, MR, NR, KB, X, a, rows, K, blocks, word(of, 0), first,
                    last, panel_bytes, N, scale, zero_point, 4,
                    word(of, 1) + size * pitch * m, size * pitch, real_word(of, 3),
                    real_word(of, 4), acc + 4 * N * m if acc else 0, 4 * N, corner,
                    corner + amx_gemm.ZERO_STARTS, 0,
                )  # fmt: skip
                columns = min(NR * last, N) - NR * first
                apply_tail(
                    word(of, 5), word(of, 6), N * m + NR * first, rows, columns, N
                )
        if FAMILY == AMX:
            release(TIER)

    return fully_connected
