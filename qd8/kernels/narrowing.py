"""Sixty-four int32 to bytes with two saturations, where AVX-512 has the packs.

A pack narrows two registers to one within each 128 bits; after two of them the quads
of four vectors lie side by side there, and one permutation of dwords puts them in
order. Two instructions for sixteen elements, where clamping and narrowing each vector
takes four.
"""

from qd8.kernels import simd
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import cgutils, emitter, i8, i16, i32, ir, ir_vector
from qd8.kernels.vector import LANES, U8, i32x16

QUADS = 4  # vectors stored at a time


def has_packs(tier) -> bool:
    """Whether a tier has packs of 512 bits."""
    return "avx512bw" in tier.features


@intrinsic(prefer_literal=True)
def store_saturated(typingctx, tier, kind, address, a, b, c, d, shift):
    """Store four vectors, ``shift`` added, as 64 bytes: I8 or U8, saturated.

    Values and ``shift`` fit int16, and so do their sums.
    """
    unsigned = kind.literal_value == U8

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        shift = builder.trunc(args[7], i16)
        if has_packs(e.tier):
            e.store(_packed(e, args[3:7], shift, unsigned), args[2])
        else:
            for n, value in enumerate(args[3:7]):
                e.store(_clamped(e, value, args[7], unsigned), args[2], LANES * n)
        return context.get_dummy_value()

    vector = i32x16.type
    arguments = (tier, kind, types.int64, *[vector] * 4, types.int32)
    return types.none(*arguments), codegen


def _packed(e, values, shift, unsigned):
    b = e.b
    words = ir_vector(i16, 2 * LANES)
    shift = e.splat(shift, 2 * LANES)
    pairs = [
        b.add(_pack(e, "packssdw", words, *pair), shift)
        for pair in (values[:2], values[2:])
    ]
    name = "packuswb" if unsigned else "packsswb"
    quads = b.bitcast(_pack(e, name, ir_vector(i8, 4 * LANES), *pairs), values[0].type)
    order = [QUADS * (n % 4) + n // 4 for n in range(LANES)]
    order = ir.Constant(ir_vector(i32, LANES), order)
    return b.shuffle_vector(quads, ir.Constant(quads.type, ir.Undefined), order)


def _pack(e, name, result, a, b):
    type_ = ir.FunctionType(result, [a.type, b.type])
    function = cgutils.get_or_insert_function(
        e.b.module, type_, f"llvm.x86.avx512.{name}.512"
    )
    return e.b.call(function, [a, b])


def _clamped(e, value, shift, unsigned):
    b = e.b
    lo, hi = (0, 255) if unsigned else (-128, 127)
    q = b.add(value, e.splat(shift, LANES))
    lo, hi = e.const(q.type, lo), e.const(q.type, hi)
    q = b.select(b.icmp_signed(">", q, lo), q, lo)
    q = b.select(b.icmp_signed("<", q, hi), q, hi)
    return b.trunc(q, ir_vector(simd.i8, LANES))
