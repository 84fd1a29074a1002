"""Attention: softmax(scale * q @ k) @ v, with no scores in memory (R26, R39).

The unfused operators write a matrix of scores four times and read it five times; for
4096 tokens and 8 heads it has half a gigabyte. Here a task has the scores of a block
of queries in its scratch, all keys of it (an online softmax would change the order of
the sums, hence bits), transposed: one row for a key, the queries along the lanes::

    for each matrix, for each block of queries
        for each panel of keys: the tile of scores; scaled, stored, the largest kept
        for each key: exp(score - largest), stored, added to one of sixteen sums
        for each chunk of keys: divided by the sum; for each few columns of the values
            the tile of outputs, continued

Every number is the one that the unfused operators compute, in their order of sums,
rounded to float16 where they store float16 (R4). Of a NaN or +infinity among a query's
scores every weight is NaN, by the sum, so the maximum may lose a NaN on its way; and
exp(+-0.0) is 1, so it need not know which zero is larger.
"""

from math import prod

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.attention_pack import Matrices, packed
from qd8.kernels.attention_softmax import CONSTANTS, exponentials, quotients
from qd8.kernels.attention_tile import block_width, score_tile, value_tile
from qd8.kernels.float_arguments import (
    Float,
    address,
    aligned,
    kind,
    real_bits,
    task_count,
)
from qd8.kernels.float_tile import TILES, FloatTile
from qd8.kernels.moves import SIDE, copy_items, transpose_tile
from qd8.kernels.scalars import real_word, word
from qd8.kernels.vector import F16, F32, LANES, load, splat, store

GRAIN = 1 << 18  # multiply-adds of a task, as of a matrix product
CHUNK = 128  # keys whose weights, 16 KiB at most, stay in L1 while they multiply
APART = 2 << 10  # bytes: scores lie behind the sums by a multiple of it


def _factory(source, TIER, KIND, W, NR, MR):
    size = 2 if KIND == F16 else 4
    line = W * 4  # bytes of a row of scores

    def attention(task, tasks, args):
        source  # noqa: B018
        queries, keys, values = word(args, 0), word(args, 1), word(args, 2)
        out, starts, heights = word(args, 3), word(args, 4), word(args, 5)
        matrices, T, S = word(args, 6), word(args, 7), word(args, 8)
        K, N, out_step = word(args, 9), word(args, 10), word(args, 11)
        scale = real_word(args, 12)
        top = word(args, 13) + task * word(args, 14)
        constants = word(args, 15)
        sums = top + line
        outputs = sums + LANES * line
        weights = outputs + N * line
        scores = sums + -(-(LANES + N + CHUNK) // (APART // line)) * APART
        zero = splat(np.float32(0))
        blocks, panels = -(-T // W), -(-S // MR)
        work = matrices * blocks
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            matrix, block = item // blocks, item % blocks
            q = queries + item * K * line
            k = keys + matrix * panels * K * MR * 4
            v = values + matrix * -(-N // MR) * S * MR * 4
            for i in range(0, W, LANES):
                store(TIER, F32, top + i * 4, splat(np.float32(-np.inf)))
            for p in range(panels):
                count, done = min(MR, S - p * MR), 0
                while done < count:
                    rows = word(heights, count - done)
                    for i in range(0, W, NR):
                        score_tile(
                            TIER, KIND, rows, k + (p * K * MR + done) * 4, MR * 4, K,
                            q + i * 4, line, scores + (p * MR + done) * line + i * 4,
                            scale, top + i * 4,
                        )  # fmt: skip
                    done += rows
            for i in range(0, LANES * W, LANES):
                store(TIER, F32, sums + i * 4, zero)
            exponentials(TIER, S, scores, line, top, sums, constants)
            half = LANES // 2
            while half:
                for i in range(0, half * W, LANES):
                    lane = sums + i * 4
                    pair = load(TIER, F32, lane + half * line)
                    store(TIER, F32, lane, load(TIER, F32, lane) + pair)
                half //= 2
            for i in range(0, N * W, LANES):
                store(TIER, F32, outputs + i * 4, zero)
            for first in range(0, S, CHUNK):
                length = min(CHUNK, S - first)
                quotients(
                    TIER, KIND, length, scores + first * line, line, sums, weights
                )  # fmt: skip
                for p in range(-(-N // MR)):
                    count, done = min(MR, N - p * MR), 0
                    while done < count:
                        rows = word(heights, count - done)
                        for i in range(0, W, NR):
                            value_tile(
                                TIER, rows, v + ((p * S + first) * MR + done) * 4,
                                MR * 4, length, weights + i * 4, line,
                                outputs + (p * MR + done) * line + i * 4,
                            )  # fmt: skip
                        done += rows
            if KIND == F16:
                for i in range(0, N * W, LANES):
                    y = load(TIER, F32, outputs + i * 4)
                    store(TIER, F16, outputs + i * 2, y)
            # Rows of outputs become columns, where the unfused graph transposes.
            to = out + word(starts, matrix) + block * W * out_step
            count = min(W, T - block * W)
            whole = count // SIDE * SIDE
            for n in range(0, N // SIDE * SIDE, SIDE):
                for m in range(0, whole, SIDE):
                    transpose_tile(
                        to + m * out_step + n * size, outputs + (n * W + m) * size,
                        out_step, W * size, size,
                    )  # fmt: skip
            for m in range(count):
                n = 0 if m >= whole else N // SIDE * SIDE
                copy_items(
                    to + m * out_step + n * size, outputs + (n * W + m) * size,
                    N - n, size, W * size, size,
                )  # fmt: skip

    return attention


def bind_attention(
    q: Float,
    k: Float,
    v: Float,
    out: Float,
    *,
    queries: Matrices,
    keys: Matrices,
    values: Matrices,
    outputs: Matrices,
    batch: tuple[int, ...],
    sizes: tuple[int, int, int, int],
    scale: float,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` the softmax of ``scale * q @ k``, times ``v``.

    Parameters
    ----------
    q, k, v, out : of one dtype, contiguous
    queries, keys, values, outputs : Matrices
        Where in these arrays the matrices (*batch, T, K), (*batch, K, S),
        (*batch, S, N) and (*batch, T, N) lie; an output's columns are 1 apart.
    sizes : T, S, K, N
    scale : float32
        1 leaves every score as it is.
    """
    T, S, K, N = sizes
    count = prod(batch)
    if count * T * N == 0:
        return []
    tier = isa.current()
    tile, W = TILES[tier.name], block_width(tier)
    NR, MR = tile.NR, tile.heights[0]
    blocks, panels = -(-T // W), -(-S // MR)
    # Queries of a block lie side by side, and so do keys, and columns of values.
    q_packed, calls = packed(q, queries, batch, (T, K), W, threads)
    k_packed, keys_too = packed(k, keys.swapped(), batch, (S, K), MR, threads)
    v_packed, values_too = packed(v, values.swapped(), batch, (N, S), MR, threads)
    calls += keys_too + values_too
    steps = [np.arange(n) * s for n, s in zip(batch, outputs.strides, strict=False)]
    starts = sum(np.ix_(*steps), np.zeros(batch, np.int64)).reshape(-1)
    starts = (outputs.start + starts) * out.itemsize
    heights = np.array(_heights(tile), np.int64)
    tasks = task_count(count * T * S * (K + N), GRAIN, threads)
    tasks = min(tasks, count * blocks)
    room = (1 + LANES + N + CHUNK + panels * MR) * W + LANES + APART // 4
    scratch = aligned((tasks * room,))
    words = (
        *map(address, (q_packed, k_packed, v_packed, out, starts, heights)),
        *(count, T, S, K, N, outputs.strides[-2] * out.itemsize, real_bits(scale)),
        *(address(scratch), room * 4, address(CONSTANTS)),
    )
    constants = kind(out), W, NR, MR
    kernel = cache.kernel(_factory, tier.id, *constants)
    keep = (q_packed, k_packed, v_packed, out, starts, heights, scratch)
    return [*calls, launch.bind(kernel, words, tasks, *keep)]


def _heights(tile: FloatTile) -> list[int]:
    """Height of the next tile when 0 to MR rows are left: none computes a row twice,
    because the sums of a row of outputs are continued."""
    rests = range(1, tile.heights[0] + 1)
    return [0, *(next(h for h in tile.heights if h <= rest) for rest in rests)]
