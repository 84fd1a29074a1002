"""The loop nest of AMX tiles, and what they need beside packed rows and panels."""

import numpy as np

from qd8.kernels.epilogue import least_scale, outputs_form
from qd8.kernels.gemm_memory import AMX_SCRATCH, ZERO_STARTS
from qd8.kernels.jit import njit
from qd8.kernels.tile import register_tile
from qd8.kernels.tile_amx import tile_product
from qd8.kernels.tile_amx_outputs import tile_outputs
from qd8.kernels.vector import F32, I32, splat, store

TILE_ROWS = 32
VECTOR_ROWS = 2  # up to so many rows a tile register would be mostly empty


@njit
def place_zero_starts(TIER, scratch):
    """Nothing to begin accumulators with, for rows with zero points of their own."""
    for at in range(ZERO_STARTS, AMX_SCRATCH, 64):
        store(TIER, I32, scratch + at, splat(np.int32(0)))


@njit
def multiply(
    TIER, NR, OUT, a, a_step, rows, K, blocks, panels, first, last, panel_bytes, N,
    scale, zero_point, row_step, out, out_step, lo, hi, acc, acc_step, scratch, starts,
    starts_step,
):  # fmt: skip
    """Rows of uint8, ``a_step`` bytes apart, times panels ``first`` to ``last``.

    Arguments as :func:`qd8.kernels.gemm.multiply`; panel p's accumulators start at
    ``starts + starts_step * p``.
    """
    size = 4 if OUT == F32 else 2
    least = least_scale(TIER, scale, rows if row_step else 1)
    for p in range(first, last):
        panel = panels + panel_bytes * p
        columns = min(NR, N - NR * p)
        out_p, acc_p = out + size * NR * p, acc + 4 * NR * p if acc else 0
        for r in range(0, rows, TILE_ROWS):
            n = min(TILE_ROWS, rows - r)
            at, step = a + a_step * r, row_step * r
            acc_at = acc_p + acc_step * r if acc else 0
            if n <= VECTOR_ROWS:
                tail = panel + panel_bytes - 8 * NR
                form = outputs_form(TIER, NR, tail, least, acc, lo, hi)
                register_tile(
                    TIER, OUT, n, at, a_step, K, panel, tail, scale + step,
                    zero_point + step, row_step, out_p + out_step * r, out_step,
                    columns, lo, hi, acc_at, acc_step, form,
                )  # fmt: skip
                continue
            product(
                TIER, 0, n, columns, scratch, starts + starts_step * p, at,
                at + 16 * a_step, a_step, 0, blocks, panel,
            )  # fmt: skip
            tile_outputs(
                TIER, OUT, n, scratch, panel, blocks, scale + step, zero_point + step,
                row_step, out_p + out_step * r, out_step, columns, lo, hi, acc_at,
                acc_step, least,
            )  # fmt: skip


@njit
def product(TIER, PLACED, rows, columns, corner, starts, a, a_high, a_step, places,
            blocks, panel):  # fmt: skip
    """``tile_product`` of the smallest tile that has so many rows and columns."""
    if rows > 16:
        if columns > 16:
            tile_product(TIER, PLACED, 1, 1, corner, starts, a, a_high, a_step, places,
                         blocks, panel)  # fmt: skip
        else:
            tile_product(TIER, PLACED, 1, 0, corner, starts, a, a_high, a_step, places,
                         blocks, panel)  # fmt: skip
    elif columns > 16:
        tile_product(TIER, PLACED, 0, 1, corner, starts, a, a_high, a_step, places,
                     blocks, panel)  # fmt: skip
    else:
        tile_product(TIER, PLACED, 0, 0, corner, starts, a, a_high, a_step, places,
                     blocks, panel)  # fmt: skip
