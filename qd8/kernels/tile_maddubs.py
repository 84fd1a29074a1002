"""Register tile of exact ``vpmaddubsw``: MR rows by 8 columns, uint8 by int8.

``vpmaddubsw`` multiplies 32 bytes, twice as many as ``vpmaddwd``, and adds them in
pairs into int16, where they may saturate. They never do here: what the tile reads was
packed, and proved, so that no sum leaves int16 (qd8/maddubs.py).

Activations lie in four copies (copies.py), of which each step reads one. Weights are a
stream for each 8 columns:

    [ksum: 8 int32][correction: 8 int32][weight_scale: 8 f32][bias: 8 f32]
    [bins of four, three, two and one: 4 int64][where weights begin: int64]
    [offsets: int32 a step; of its quad's copy within a tile of activations]
    [weights: 32 int8 a step; 8 columns of 4 consecutive k]

Steps of one bin are added in int16 before they are widened, so that a bin of n costs
2n + 1 vector instructions for 32n products, where ``vpmaddwd`` takes 4n. Accumulators
start at ``ksum * (zero_point + 128) + correction``, all of it modulo 2^32. The register
map of six rows and a bin of four, 14 of 16 ymm:

    acc0 ... acc5    w0 ... w3    ones    two broadcasts or products    their sum
"""

from typing import Any

from qd8.kernels.copies import PAIR
from qd8.kernels.gemm_memory import BINS, COLUMNS, COPIES
from qd8.kernels.isa import with_maddubs
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import Emitter, emitter, i8, i16, i32, i64, ir_vector
from qd8.kernels.tile import NAMES, argument_types, finish, initial
from qd8.kernels.vector import F16

SCALES, COUNTS, WEIGHTS = 64, 128, 160  # bytes from the beginning of a stream
HEADER = 192  # where its offsets begin
TURN = 4  # bins a turn of a loop


@intrinsic(prefer_literal=True)
def complemented_tile(
    typingctx, tier, out_kind, most, rows, a, stream, tail, scale, zero_point,
    row_step, out, out_stride, columns, lo, hi, acc, acc_stride, form,
):  # fmt: skip
    """One tile of ``rows`` rows, 1 to ``most``, by 8 columns; each has its own code.

    Arguments as of ``tile.register_tile``; ``a`` has room for ``most`` rows.
    """
    half = out_kind.literal_value == F16
    names = [name for name in NAMES if name not in ("a_stride", "K")]

    def codegen(context, builder, signature, args):
        row = with_maddubs(emitter(builder, tier).tier)
        if row is None:  # within a branch that this tier's kernels never take
            return context.get_dummy_value()
        e = Emitter(builder, row._replace(NR=COLUMNS))
        v = dict(zip(names, args[4:], strict=True))
        done = builder.append_basic_block("complemented.done")
        switch = builder.switch(args[3], done)
        for n in range(1, most.literal_value + 1):
            block = builder.append_basic_block(f"complemented.{n}")
            switch.add_case(i64(n), block)
            builder.position_at_end(block)
            finish(e, n, half, _accumulated(e, n, v), v)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    others = argument_types()[2:]  # less a_stride and K
    return types.none(tier, out_kind, most, types.int64, *others), codegen


def _accumulated(e, rows, v):
    b = e.b
    correction = e.load(ir_vector(i32, COLUMNS), v["panel"], 4 * COLUMNS)
    accs = [b.add(start, correction) for start in initial(e, rows, v)]
    a = e.pointer(v["a"])
    offsets = e.pointer(v["panel"], HEADER)
    weights = e.pointer(v["panel"], e.load(i64, v["panel"], WEIGHTS))
    for k, steps in enumerate(BINS):
        count = e.load(i64, v["panel"], COUNTS + 8 * k)
        sizes = [4 * steps, 4 * COLUMNS * steps]  # of offsets and weights
        cursors = [
            (at, TURN * size)
            for at, size in zip((offsets, weights), sizes, strict=True)
        ]
        accs = e.steps(count, TURN, cursors, accs, _bin(e, steps, a))
        offsets, weights = (
            e.pointer(at, b.mul(count, i64(size)))
            for at, size in zip((offsets, weights), sizes, strict=True)
        )
    return accs


def _bin(e, steps, a):
    """What multiplies one of the bins of so many steps."""
    b = e.b
    words, whole = ir_vector(i16, 2 * COLUMNS), ir_vector(i32, COLUMNS)
    narrow = ir_vector(i8, 4 * COLUMNS)
    ones = e.const(words, 1)

    def multiply(bin_, cursors, accs):
        at, w_at = cursors
        of = [bin_ * steps + k for k in range(steps)]
        quads = [e.pointer(a, b.sext(e.load(i32, at, 4 * k), i64)) for k in of]
        ws = [e.load(narrow, w_at, 4 * COLUMNS * k) for k in of]
        sums = []
        for r, acc in enumerate(accs):
            pairs = None
            for quad, w in zip(quads, ws, strict=True):
                dword = e.load(i32, quad, COPIES * PAIR * r)
                broadcast = b.bitcast(e.splat(dword, COLUMNS), narrow)
                product = e.call("llvm.x86.avx2.pmadd.ub.sw", words, broadcast, w)
                pairs = product if pairs is None else b.add(pairs, product)
            widened = e.call("llvm.x86.avx2.pmadd.wd", whole, pairs, ones)
            sums.append(b.add(acc, widened))
        return sums

    return multiply


def place(quad: Any, copy: Any, rows: int) -> Any:
    """Bytes from a tile's activations to a copy of a quad of its first of ``rows``."""
    pair, second = quad * 4 // PAIR, quad * 4 % PAIR
    return COPIES * (PAIR * rows * pair + second) + 4 * copy
