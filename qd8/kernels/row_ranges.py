"""Ranges of sixteen rows at once: what crosses lanes is done for all of them together.

A row's range is a fold over the lanes of two vectors, eight instructions each for one
row alone; for sixteen rows a transposing tree takes three.
"""

from qd8.kernels import simd
from qd8.kernels.jit import intrinsic, njit, types
from qd8.kernels.ranges import higher, lower, range_vectors
from qd8.kernels.simd import emitter, ir
from qd8.kernels.vector import F32, LANES, f32x16, store

LEAST, GREATEST = 0, 1


@njit
def store_ranges(TIER, X, x, step, K, rows, vectors, least, greatest):
    """Least and greatest elements, and 0, of up to sixteen rows ``step`` bytes apart.

    One of them is NaN or infinite where an element is. Lanes of rows that are not
    there hold anything. ``vectors``: VECTORS bytes of scratch.
    """
    for r in range(rows):
        lo, hi = range_vectors(TIER, X, x + step * r, K)
        store(TIER, F32, vectors + 64 * r, lo)
        store(TIER, F32, vectors + 64 * (LANES + r), hi)
    store(TIER, F32, least, fold_rows(TIER, LEAST, vectors))
    store(TIER, F32, greatest, fold_rows(TIER, GREATEST, vectors + 64 * LANES))


@intrinsic(prefer_literal=True)
def fold_rows(typingctx, tier, which, address):
    """Fold each of sixteen vectors, 64 bytes apart, to its lane of the result."""
    combine = higher if which.literal_value == GREATEST else lower

    def codegen(context, builder, signature, args):
        e, b = emitter(builder, tier), builder
        type_ = simd.ir_vector(simd.f32, LANES)
        rows = [e.load(type_, args[2], 64 * r) for r in range(LANES)]
        for picks in _TREE:
            rows = [
                combine(e, *(_shuffle(b, x, y, pick) for pick in picks))
                for x, y in zip(rows[::2], rows[1::2], strict=True)
            ]
        return rows[0]

    return f32x16.type(tier, which, types.int64), codegen


def _shuffle(b, x, y, pick):
    mask = ir.Constant(simd.ir_vector(simd.i32, LANES), pick)
    return b.shuffle_vector(x, y, mask)


def _within(first):
    """Dwords of each 128 bits: x's (0 to 3) and y's (4 to 7)."""
    return [4 * block + n % 4 + LANES * (n // 4) for block in range(4) for n in first]


def _across(first):
    """Whole 128 bits: x's (0 to 3) and y's (4 to 7)."""
    return [4 * block + n for block in first for n in range(4)]


# Pairs of shuffles of two vectors; their fold has half the lanes of each.
_TREE = (
    (_within((0, 4, 1, 5)), _within((2, 6, 3, 7))),
    (_within((0, 1, 4, 5)), _within((2, 3, 6, 7))),
    (_across((0, 1, 4, 5)), _across((2, 3, 6, 7))),
    (_across((0, 2, 4, 6)), _across((1, 3, 5, 7))),
)
