"""Activations for exact ``vpmaddubsw``: uint8 quads in four complemented copies.

    [K/8][MR][2 quads][4 copies][4] uint8, q + 128
    bit 0 of the copy: element 1 is complemented, 255 - a; bit 1: element 3

Two quads are one register, because a pack of bytes leaves neighbouring quads in its two
halves: a row is quantized straight into its copies, each of which is one shuffle within
the halves, one exclusive or and one store.
"""

import numpy as np

from qd8.kernels.gemm_memory import COPIES
from qd8.kernels.isa import with_maddubs
from qd8.kernels.jit import intrinsic, njit, types
from qd8.kernels.narrowing import packed_quads, registers
from qd8.kernels.quantize import FAST_MULTIPLIER, steps, write_row
from qd8.kernels.simd import emitter, i16, i32, ir, ir_vector
from qd8.kernels.vector import F32, LANES, U8, i32x16, load, splat

COMPLEMENTS = (0, 0x0000FF00, 0xFF000000, 0xFF00FF00)  # of a quad, by copy
PAIR = 8  # elements of a register of copies
SHIFT = np.int32(128)


@njit
def write_copies(TIER, X, x, count, to, stride, total, multiplier, zero_point, linear):
    """Quantize ``count`` elements into copies, sixteen every ``stride`` bytes.

    Elements from ``count`` to ``total``, a multiple of 16, are the step of 0.0.
    linear: ``total`` bytes of scratch, for what is not a whole 64 elements of a row of
    ordinary range.
    """
    size = 4 if X == F32 else 2
    done = 0
    if multiplier <= FAST_MULTIPLIER:
        m = splat(multiplier)
        while done + 64 <= count:
            at = x + size * done
            store_quantized(
                TIER, to, stride // 2, steps(TIER, load(TIER, X, at), m),
                steps(TIER, load(TIER, X, at + size * 16), m),
                steps(TIER, load(TIER, X, at + size * 32), m),
                steps(TIER, load(TIER, X, at + size * 48), m), zero_point + SHIFT,
            )  # fmt: skip
            to += 4 * stride
            done += 64
    if done < total:
        write_row(TIER, X, U8, x + size * done, count - done, linear, 16, total - done,
                  multiplier, zero_point, SHIFT)  # fmt: skip
        for i in range(0, total - done, 16):
            store_copies(TIER, to, stride // 2, linear + i)
            to += stride


@intrinsic(prefer_literal=True)
def store_quantized(typingctx, tier, address, stride, a, b, c, d, shift):
    """Store copies of four vectors, ``shift`` added and saturated to uint8.

    address: of the first two quads' copies; stride: bytes to the next two. Values and
    ``shift`` fit int16, and so do their sums.
    """

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        if with_maddubs(e.tier) is None:  # a branch that this tier's kernels never take
            return context.get_dummy_value()
        all_ = [part for value in args[3:7] for part in registers(e, value)]
        shift, at = builder.trunc(args[7], i16), args[1]
        for n in range(0, len(all_), 4):
            quads = packed_quads(e, all_[n : n + 4], shift, True)
            for k in range(4):
                at = _store_pair(e, at, args[2], quads, k, 4 + k)
        return context.get_dummy_value()

    vectors = [i32x16.type] * 4
    return types.none(tier, types.int64, types.int64, *vectors, types.int32), codegen


@intrinsic(prefer_literal=True)
def store_copies(typingctx, tier, address, stride, quads):
    """Store copies of the sixteen uint8 at ``quads``; the rest as store_quantized."""

    def codegen(context, builder, signature, args):
        e, at = emitter(builder, tier), args[1]
        four = e.load(ir_vector(i32, LANES // 4), args[3])
        for k in range(0, 4, 2):
            at = _store_pair(e, at, args[2], four, k, k + 1)
        return context.get_dummy_value()

    return types.none(tier, *[types.int64] * 3), codegen


def _store_pair(e, address, stride, quads, first, second):
    """Store the copies of two lanes of ``quads``; returns where the next two go."""
    mask = ir.Constant(ir_vector(i32, 2 * COPIES), [first] * COPIES + [second] * COPIES)
    none = ir.Constant(quads.type, ir.Undefined)
    copies = e.b.shuffle_vector(quads, none, mask)
    masks = e.vector(ir_vector(i32, 2 * COPIES), COMPLEMENTS * 2)
    e.store(e.b.xor(copies, masks), address)
    return e.b.add(address, stride)
