"""Fully connected with a gated activation of its halves: out = f(x @ a, x @ b).

The first half of the panels makes x @ a, the second x @ b. Some panels of either are
multiplied into the task's scratch, side by side, and a chain (chain.py) makes outputs
of them; the product itself, twice the outputs and more, is never in memory::

    for each block of rows
        quantize and pack the rows
        for each few panels of the first half
            those panels and their partners of the second half, into the scratch
            the chain, from there to the outputs

    scratch:   row 0   [group * NR of x @ a][group * NR of x @ b]
               row 1   ...
"""

from qd8.kernels.amx_gemm import place_zero_starts
from qd8.kernels.chain import HALVES, apply_tail
from qd8.kernels.gemm import (
    held_rows,
    linear_bytes,
    multiply,
    pack_rows,
    row_share,
)
from qd8.kernels.gemm_memory import (
    AMX,
    AMX_SCRATCH,
    CHAIN_BYTES,
    MADDUBS,
    PARAMETERS,
    VECTORS,
    ZERO_STARTS,
)
from qd8.kernels.jit import njit
from qd8.kernels.scalars import real_word, store_scalar, word
from qd8.kernels.tile_amx import configure, release
from qd8.kernels.vector import F32


def gated(source, TIER, FAMILY, MR, NR, KB, X):
    """For tasks of a grid of row shares by shares of the first half's panels.

    Arguments: x, M, K, blocks, panel bytes, rows in a block, grid rows, grid columns,
    scratch, scratch bytes a task, panels, N of both halves, lo and hi (float32 bits),
    where the chain's words and products lie in the scratch, panels in a group, the
    chain and its words (chain.bind_gate), and how many those are. Half of N is a
    multiple of NR.
    """

    def gated(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        x, M, K = word(arguments, 0), word(arguments, 1), word(arguments, 2)
        blocks, panel_bytes = word(arguments, 3), word(arguments, 4)
        block_rows = word(arguments, 5)
        grid_rows, grid_columns = word(arguments, 6), word(arguments, 7)
        scratch = word(arguments, 8) + word(arguments, 9) * task
        panels, N = word(arguments, 10), word(arguments, 11)
        lo, hi = real_word(arguments, 12), real_word(arguments, 13)
        chain_words = scratch + word(arguments, 14)
        products = chain_words + CHAIN_BYTES
        group = word(arguments, 15)
        chain, given, words = (
            word(arguments, 16), word(arguments, 17), word(arguments, 18)
        )  # fmt: skip
        size = 4 if X == F32 else 2
        held = held_rows(block_rows)
        scale, zero_point = scratch, scratch + 4 * held
        corner = scratch + 4 * PARAMETERS * held + VECTORS
        a = corner + AMX_SCRATCH if FAMILY == AMX else corner
        if FAMILY == MADDUBS:
            a += linear_bytes(KB, blocks)
        i, j = task // grid_columns, task % grid_columns
        first_row, last_row = row_share(MR, M, i, grid_rows)
        half = N // NR // 2
        first_panel, last_panel = half * j // grid_columns, half * (j + 1)
        last_panel = last_panel // grid_columns
        pitch = 2 * group * NR
        if FAMILY == AMX:
            configure(TIER)
            place_zero_starts(TIER, corner)
        for m in range(first_row, last_row, block_rows):
            rows = min(block_rows, last_row - m)
            pack_rows(
                TIER, FAMILY, MR, KB, X, x + size * K * m, K, a, rows, blocks, scratch,
                held, 0, m, 1, 0,
            )  # fmt: skip
            for p in range(first_panel, last_panel, group):
                count = min(group, last_panel - p)
                for side in range(2):
                    first = p + half * side
                    multiply(
                        TIER, FAMILY, MR, NR, KB, X, a, rows, K, blocks, panels, first,
                        first + count, panel_bytes, N, scale, zero_point, 4,
                        products + size * NR * (group * side - first), size * pitch,
                        lo, hi, 0, 0, corner, corner + ZERO_STARTS, 0,
                    )  # fmt: skip
                # Where element (0, 0) of the first half would lie.
                origin = products - size * (pitch * m + NR * p)
                place_halves(given, chain_words, words, origin, size * NR * group)
                apply_tail(
                    chain, chain_words, NR * (half * m + p), rows, NR * count, NR * half
                )
        if FAMILY == AMX:
            release(TIER)

    return gated


@njit
def place_halves(given, to, words, origin, apart):
    """Copy a chain's words; of its operands, 0 and 1 become the halves' addresses."""
    for n in range(words):
        value = word(given, n)
        if n >= HALVES and value <= 1:
            value = origin + apart * value
        store_scalar(to + 8 * n, value)
