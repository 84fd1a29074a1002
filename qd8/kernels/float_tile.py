"""The register tile of float32 GEMM and convolution, emitted as SSA (R20).

One tile is ``rows`` outputs by NR channels::

                   panel[k] ->   w0        w1         NR / lanes vectors
    x + 0 * x_step, k ->         acc00     acc01
    x + 1 * x_step, k ->         acc10     acc11      one FMA chain per output
    ...

Each accumulator starts from the bias and meets k in ascending order: the chain of
the definition, whatever the tile's shape, so that all tiers and heights agree.

The rows of a tile are an arithmetic progression of addresses: rows of a matrix, or
neighbouring pixels of an image, which are read where they lie, without im2col. What
k runs over is a list of *runs*, stretches that are contiguous both in the input
and in the panel. A convolution near a border has shorter or fewer runs: padded taps
are not multiplied by zero (0 * inf, and -0.0 + 0.0, would show) but never visited.

A panel whose last half holds no channel is met by half as wide a tile. What lanes are
left over is masked where a tier has masks; elsewhere the caller stages whole registers.

Three rows share one address register: base, base + x_step, base + 2 * x_step are
x86 addressing modes, and twelve pointers would not fit into sixteen registers.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from qd8.kernels import isa
from qd8.kernels.float_extents import TILES, FloatTile
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter, f32, i64, ir_vector
from qd8.kernels.vector import F16

ROWS_PER_BASE = 3
CHAINS = 8  # accumulators that keep two ports busy for an FMA's latency of four
TILE_ROWS = 0.25  # what beginning and storing a tile costs, in rows


def heights_by_rest(tile: FloatTile, count: int) -> list[int]:
    """Height of the next tile when 0 to 2 MR rows of a strip of ``count`` are left.

    The cheapest way to the strip's end: a tile of few rows waits for its own sums, so
    8 rows are 4 and 4, not 6 and 2. A tile may be higher than the rest: it then ends
    with the strip and computes some rows again, to the same bits. It is never higher
    than the strip.
    """
    full = CHAINS * tile.lanes // tile.NR
    heights = [h for h in reversed(tile.heights) if h <= count]
    table, costs = [0], [0.0]
    for rest in range(1, 2 * tile.heights[0] + 1):
        cost, height = min(
            (max(h, full) + TILE_ROWS + costs[max(rest - h, 0)], h)
            for h in heights or [1]
        )
        table.append(height)
        costs.append(cost)
    return table


@cache
def height_table(tile: FloatTile) -> npt.NDArray[np.int64]:
    """(MR + 1, 2 MR + 1) int64: by the rows of a strip up to MR, by those left."""
    rows = [heights_by_rest(tile, count) for count in range(tile.heights[0] + 1)]
    table = np.array(rows, np.int64)
    table.flags.writeable = False  # all calls share it
    return table


def has_masks(tier: isa.Tier) -> bool:
    """Whether storing a part of a register costs no more than all of it."""
    return TILES[tier.name].lanes == 16


@intrinsic(prefer_literal=True)
def float_tile(
    typingctx,
    tier,
    kind,
    rows,
    columns,
    x,
    x_step,
    runs,
    run_count,
    panel,
    later,
    bias,
    out,
    out_step,
    lo,
    hi,
):
    """out[r, n] = clamp(bias[n] + sum over k of x[r, k] * panel[k, n]).

    Parameters
    ----------
    tier, kind : literal int
        ``kind`` is that of the outputs: F32, or F16, rounded once (R4).
    rows : int64
        One of the tier's heights.
    columns : int64
        How many of the panel's columns are stored, at least 1. A tier without masks
        stores whole registers.
    x, x_step : int64
        Address of row 0, and bytes from one row to the next.
    runs, run_count : int64
        Address of int64 triples: bytes from a row's ``x`` to the run's first
        float32, the panel row it meets, and its length.
    panel, bias : int64
        Addresses of (K, NR) float32 and (NR,) float32.
    later : int64
        With row k of the panel, the cache line so many bytes further is asked for; a
        literal 0 asks for nothing.
    out, out_step : int64
        Address of (rows, columns), rows ``out_step`` bytes apart.
    lo, hi : float32
    """
    shape = TILES[isa.TIERS[tier.literal_value].name]

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        end = builder.append_basic_block("tile.end")
        half = kind.literal_value == F16
        rows, columns, *operands = args[2:]
        if isinstance(later, types.IntegerLiteral):
            operands[5] = None
        widths = range(1, shape.NR // shape.lanes + 1)
        width = builder.udiv(
            builder.add(columns, i64(shape.lanes - 1)), i64(shape.lanes)
        )
        number = builder.add(builder.mul(rows, i64(len(widths) + 1)), width)
        switch = builder.switch(number, end)
        for height in shape.heights:
            for registers in widths:
                block = builder.append_basic_block(f"tile.{height}x{registers}")
                case = height * (len(widths) + 1) + registers
                switch.add_case(i64(case), block)
                builder.position_at_end(block)
                _emit(e, shape, half, height, registers, columns, *operands)
                builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    integers = [types.int64] * 7
    signature = types.none(
        tier, kind, *integers, later, *integers[:3], types.float32, types.float32
    )
    return signature, codegen


def _emit(e, shape, half, rows, columns, stored, *operands):
    """One tile of ``rows`` by ``columns`` registers, ``stored`` columns of float32.

    The operands are float_tile's from ``x`` on; ``later`` is None for a literal 0.
    """
    x, x_step, runs, run_count, panel, later, bias, out, out_step, lo, hi = operands
    b = e.b
    vector = ir_vector(f32, shape.lanes)
    base_step = b.mul(x_step, i64(ROWS_PER_BASE))
    first = [e.load(vector, bias, 4 * shape.lanes * j) for j in range(columns)]

    def run(index, acc):
        triple = b.add(runs, b.mul(index, i64(24)))
        offset, row, count = (e.load(i64, triple, 8 * j) for j in range(3))
        base = e.pointer(x, offset)
        bases = [base]
        for _ in range(ROWS_PER_BASE, rows, ROWS_PER_BASE):
            bases.append(b.gep(bases[-1], [base_step]))
        w = e.pointer(panel, b.mul(row, i64(4 * shape.NR)))
        carried = [w, *bases, *acc]
        for length in sorted({shape.unroll, 1}, reverse=True):
            steps = b.udiv(count, i64(length))
            body = _steps(e, shape, rows, columns, x_step, later, length)
            carried = e.loop(steps, carried, body)
            count = b.urem(count, i64(length))
        return carried[1 + len(bases):]  # fmt: skip

    if not has_masks(e.tier):
        # Of few k, outputs beyond L2 come as slowly as stores ask for their lines:
        # 3136 x 64 x 256 takes 1.03 times as long. Stores of whole lines do not mind.
        at = e.pointer(out)
        for _ in range(rows):
            e.prefetch(at, 0, write=True)
            at = b.gep(at, [out_step])
    acc = e.loop(run_count, first * rows, run)
    lo, hi = (e.splat(bound, shape.lanes) for bound in (lo, hi))
    at, size = e.pointer(out), 2 if half else 4
    mask = None
    if has_masks(e.tier):
        rest = b.sub(stored, i64(shape.lanes * (columns - 1)))
        mask = e.mask(shape.lanes, rest)
    for r in range(rows):
        for j in range(columns):
            y = e.clamp(acc[r * columns + j], lo, hi)
            y = e.narrow(y) if half else y
            if mask is None or j < columns - 1:
                e.store(y, at, size * shape.lanes * j)
            else:
                e.store_masked(y, e.pointer(at, size * shape.lanes * j), mask)
        at = b.gep(at, [out_step])


def _steps(e, shape, rows, columns, x_step, later, length):
    """The body of the inner loop: ``length`` consecutive k."""
    b = e.b
    vector = ir_vector(f32, shape.lanes)
    n_bases = -(-rows // ROWS_PER_BASE)
    twice = b.shl(x_step, i64(1))

    def body(index, carried):
        w, *bases = carried[: 1 + n_bases]
        acc = carried[1 + n_bases :]
        for k in range(length):
            if later is not None:
                e.prefetch(e.pointer(w, later), 4 * shape.NR * k, level=2)
            weights = [
                e.load(vector, w, 4 * (shape.NR * k + shape.lanes * j))
                for j in range(columns)
            ]
            for r in range(rows):
                row = bases[r // ROWS_PER_BASE]
                if r % ROWS_PER_BASE:
                    row = b.gep(row, [x_step if r % ROWS_PER_BASE == 1 else twice])
                a = e.splat(e.load(f32, row, 4 * k), shape.lanes)
                for j in range(columns):
                    n = r * columns + j
                    acc[n] = e.fma(a, weights[j], acc[n])
        w = e.pointer(w, 4 * shape.NR * length)
        return [w, *(e.pointer(base, 4 * length) for base in bases), *acc]

    return body
