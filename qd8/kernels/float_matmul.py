"""BATCH_MATMUL of two float activations: one FMA chain per output from +0.0 (R39).

What float_gemm.py does for weights once, is done here at every call, by moves alone:
``b`` is brought into panels of NR columns, and ``a`` into rows if its matrices lie
the other way. Then, for each matrix of the output::

    for block of rows:  for panel:  for tile of the block

A block is few rows: they stay near while the panels pass by. float16 is widened (R4)
on the way into panels, and block by block: scores of attention are the largest
tensors of their models, and a wide copy would be twice as large.
"""

from math import prod

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.boxes import broadcast_strides
from qd8.kernels.float_arguments import (
    Float,
    address,
    aligned,
    kind,
    real_bits,
    task_count,
)
from qd8.kernels.float_tile import (
    TILES,
    FloatTile,
    float_tile,
    has_masks,
    height_table,
)
from qd8.kernels.float_unary import bind_cast
from qd8.kernels.float_widen import widen
from qd8.kernels.movement import bind_transpose
from qd8.kernels.moves import copy_bytes
from qd8.kernels.scalars import real_word, word
from qd8.kernels.strided_copy import bind_box
from qd8.kernels.vector import F16, LANES

GRAIN = 1 << 18  # multiply-adds of a task: some 5 us
# Tiles of a block share a panel's way from memory; but each row of a wide output is
# a page of its own, and more rows than the first level of a TLB has entries made
# (4096, 40) x (40, 4096) take 30 ms instead of 11 (avx512vnni, one thread).
BLOCK_TILES = 4
# A dead end: tiles one register wide and 24 rows high, to fill up fewer columns. For
# (4096, 4096) x (4096, N), N = 8, 40 and 80, they were 1.05, 0.8 and 1.05 times as
# fast (avx512vnni): rows 16 KiB apart share the sets of the first-level cache.


def _factory(source, TIER, KIND, NR, MR, WIDTH, MASKED):
    size = 2 if KIND == F16 else 4

    def float_matmul(task, tasks, args):
        source  # noqa: B018
        a, panels, zeros, out, scratch = (
            word(args, 0), word(args, 1), word(args, 2), word(args, 3), word(args, 4)
        )  # fmt: skip
        matrices, runs, heights = word(args, 5), word(args, 6), word(args, 7)
        M, K, N = word(args, 8), word(args, 9), word(args, 10)
        block_rows, blocks = word(args, 11), word(args, 12)
        shares, work = word(args, 13), word(args, 14)
        lo, hi = real_word(args, 15), real_word(args, 16)
        scratch += task * word(args, 17)
        wide = scratch + (MR * NR + LANES) * 4
        count = -(-N // NR)  # panels of a matrix
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            # A matrix, a block of its rows, and a share of the panels.
            share, block = item % shares, item // shares % blocks
            matrix = item // shares // blocks
            first = block * block_rows
            rows_left = min(block_rows, M - first)
            x = a + word(matrices, 2 * matrix) + first * K * size
            if KIND == F16:
                widen(TIER, x, rows_left * K, wide)
                x = wide
            packed = panels + word(matrices, 2 * matrix + 1)
            to = out + (matrix * M + first) * N * size
            table = heights + min(rows_left, MR) * (2 * MR + 1) * 8
            for p in range(count * share // shares, count * (share + 1) // shares):
                columns = min(NR, N - p * NR)
                panel = packed + p * K * NR * 4
                staged = not MASKED and columns % WIDTH != 0
                done = 0
                while done < rows_left:
                    rows = word(table, min(rows_left - done, 2 * MR))
                    done = min(done, rows_left - rows)
                    at = to + (done * N + p * NR) * size
                    float_tile(
                        TIER, KIND, rows, columns, x + done * K * 4, K * 4, runs, 1,
                        panel, 0, zeros, scratch if staged else at,
                        (NR if staged else N) * size, lo, hi,
                    )  # fmt: skip
                    if staged:
                        for r in range(rows):
                            line = scratch + r * NR * size
                            copy_bytes(at + r * N * size, line, columns * size)
                    done += rows

    return float_matmul


def bind_batch_matmul(
    a: Float,
    b: Float,
    out: Float,
    *,
    adj_x: bool = False,
    adj_y: bool = False,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` the matrix products ``a @ b``, all of one dtype.

    Parameters
    ----------
    a : (..., M, K), or (..., K, M) with ``adj_x``
    b : (..., K, N), or (..., N, K) with ``adj_y``
    out : (..., M, N)
        The axes before the last two are those of ``a`` and ``b``, broadcast.
    """
    if out.size == 0:
        return []
    M, N = out.shape[-2:]
    K = a.size // prod(a.shape[:-2]) // M
    batch = out.shape[:-2]
    tier = isa.current()
    tile = TILES[tier.name]
    MR, NR = tile.heights[0], tile.NR
    matrices = np.zeros((prod(batch), 2), np.int64)
    count = -(-N // NR)
    matrices[:, 0] = _offsets(a.shape[:-2], batch) * M * K * a.itemsize
    matrices[:, 1] = _offsets(b.shape[:-2], batch) * count * K * NR * 4
    rows, calls = _swapped(a, threads) if adj_x else (a, [])
    panels, packing = _panels(b, K, N, NR, adj_y, threads)
    calls += packing
    tasks = task_count(prod(batch) * M * K * count * NR, GRAIN, threads)
    block_rows = _block_rows(M, prod(batch), tile, tasks)
    blocks = -(-M // block_rows)
    shares = max(1, min(count, tasks // (prod(batch) * blocks)))
    heights = height_table(tile)
    half = out.dtype == np.float16
    room = MR * NR + LANES + (block_rows * K + LANES if half else 0)
    scratch = aligned((tasks * room,))
    runs, zeros = np.array([0, 0, K], np.int64), np.zeros(NR, np.float32)
    words = (
        *map(address, (rows, panels, zeros, out, scratch, matrices, runs, heights)),
        *(M, K, N, block_rows, blocks),
        *(shares, prod(batch) * blocks * shares),
        *(real_bits(-np.inf), real_bits(np.inf), room * 4),
    )
    kernel = cache.kernel(
        _factory, tier.id, kind(out), NR, MR, tile.lanes, int(has_masks(tier))
    )
    keep = (rows, panels, zeros, out, scratch, matrices, runs, heights)
    return [*calls, launch.bind(kernel, words, tasks, *keep)]


def _block_rows(M: int, matrices: int, tile: FloatTile, tasks: int) -> int:
    """Rows of a block: whole tiles, as even as they allow, and enough blocks."""
    MR = tile.heights[0]
    share = min(M, -(-M * matrices // tasks))
    pieces = -(-share // (MR * BLOCK_TILES))
    return MR * -(-share // (pieces * MR))


def _offsets(shape, batch):
    """(matrices of the output,) int64: which matrix each reads."""
    strides = broadcast_strides(shape, batch)
    grid = np.zeros(batch, np.int64)
    for axis, stride in enumerate(strides):
        steps = np.arange(batch[axis], dtype=np.int64) * stride
        grid += steps.reshape([-1] + [1] * (len(batch) - 1 - axis))
    return grid.reshape(-1)


def _swapped(x: Float, threads: int) -> tuple[Float, list[launch.Call]]:
    """``x`` with each matrix transposed, and the calls that make it."""
    batch = tuple(range(x.ndim - 2))
    out = np.empty((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    perm = (*batch, x.ndim - 1, x.ndim - 2)
    return out, bind_transpose(x, out, perm=perm, threads=threads)


def _panels(b: Float, K: int, N: int, NR: int, adj_y: bool, threads: int):
    """(matrices, panels, K, NR) float32 of ``b``, and the calls that make them.

    The columns that the last panel is filled up with are zeros from the start.
    """
    wide, calls = b, []
    if b.dtype == np.float16:
        wide = np.empty(b.shape, np.float32)
        calls = bind_cast(b, wide, threads=threads)
    matrices, count = prod(b.shape[:-2]), -(-N // NR)
    panels = aligned((matrices, count, K, NR))
    k_step, n_step = (1, K) if adj_y else (N, 1)
    full, rest = divmod(N, NR)
    for first, number, columns in ((0, full, NR), (full, min(rest, 1), rest)):
        if number and columns < NR:
            panels[:, first, :, columns:] = 0
        calls += bind_box(
            wide,
            panels,
            (matrices, number, K, columns),
            (K * N, NR * n_step, k_step, n_step),
            (count * K * NR, K * NR, NR, 1),
            threads=threads,
            x_start=first * NR * n_step,
            out_start=first * K * NR,
        )
    return panels, calls
