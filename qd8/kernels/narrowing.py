"""Vectors of int32 to words and bytes, where x86 has packs, which saturate.

A pack narrows two registers to one within each 128 bits; after two of them the quads of
four registers lie side by side there, and one permutation puts them in order. Of a
register of int32 that is at most two instructions, where clamping and narrowing it take
four.
"""

from qd8.kernels import simd
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import cgutils, emitter, i8, i16, i32, i64, ir, ir_vector
from qd8.kernels.vector import LANES, U8, i32x16

BITS = {8: 256, 16: 512}  # of registers with packs, by their int32 lanes


def has_packs(tier) -> bool:
    """Whether a tier has packs of its whole registers."""
    return {8: "avx2", 16: "avx512bw"}.get(tier.lanes) in tier.features


@intrinsic(prefer_literal=True)
def store_saturated(typingctx, tier, kind, address, a, b, c, d, shift):
    """Store four vectors, ``shift`` added, as 64 bytes: I8 or U8, saturated.

    Values and ``shift`` fit int16, and so do their sums.
    """
    unsigned = kind.literal_value == U8

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        if has_packs(e.tier):
            all_ = [part for value in args[3:7] for part in registers(e, value)]
            shift, size = builder.trunc(args[7], i16), 4 * e.tier.lanes
            for n in range(0, len(all_), 4):
                packed = _packed_bytes(e, all_[n : n + 4], shift, unsigned)
                e.store(packed, args[2], n // 4 * size)
        else:
            for n, value in enumerate(args[3:7]):
                e.store(_clamped(e, value, args[7], unsigned), args[2], LANES * n)
        return context.get_dummy_value()

    vector = i32x16.type
    arguments = (tier, kind, types.int64, *[vector] * 4, types.int32)
    return types.none(*arguments), codegen


@intrinsic(prefer_literal=True)
def store_words(typingctx, tier, address, value, low, high, shift):
    """Store a vector, clamped to ``low`` and ``high`` and ``shift`` added, as int16.

    The value, ``low`` and ``high`` fit int16, and so do their sums with ``shift``.
    """

    def codegen(context, builder, signature, args):
        e, b = emitter(builder, tier), builder
        q, bounds = args[2], [b.trunc(n, i16) for n in args[3:]]
        if has_packs(e.tier) and e.tier.lanes < LANES:
            q = _packed_words(e, registers(e, q))
        else:
            q = b.trunc(q, ir_vector(i16, LANES))
        low, high, shift = (e.splat(n, LANES) for n in bounds)
        q = b.select(b.icmp_signed(">", q, low), q, low)
        q = b.select(b.icmp_signed("<", q, high), q, high)
        e.store(b.add(q, shift), args[1])
        return context.get_dummy_value()

    bounds = [types.int32] * 3
    return types.none(tier, types.int64, i32x16.type, *bounds), codegen


def registers(e, value):
    """A vector's registers."""
    lanes = e.tier.lanes
    firsts = range(0, LANES, lanes)
    return [_picked(e, value, range(at, at + lanes)) for at in firsts]


def _packed_words(e, two):
    """Two registers of int32 as one of int16, saturated."""
    words = ir_vector(i16, 2 * e.tier.lanes)
    packed = _pack(e, "packssdw", words, *two)
    pairs = e.b.bitcast(packed, ir_vector(i64, e.tier.lanes // 2))
    return e.b.bitcast(_picked(e, pairs, _sides(e, 2)), words)


def _packed_bytes(e, four, shift, unsigned):
    """Four registers of int32, ``shift`` added, as one of bytes, saturated."""
    quads = packed_quads(e, four, shift, unsigned)
    ordered = _picked(e, quads, _sides(e, 4))
    return e.b.bitcast(ordered, ir_vector(i8, 4 * e.tier.lanes))


def packed_quads(e, four, shift, unsigned):
    """The same, as int32 lanes, before they are put in order.

    Each 128 bits hold their own quads of the four registers.
    """
    b, lanes = e.b, e.tier.lanes
    words, bytes_ = ir_vector(i16, 2 * lanes), ir_vector(i8, 4 * lanes)
    shift = e.splat(shift, 2 * lanes)
    pairs = [
        b.add(_pack(e, "packssdw", words, *pair), shift)
        for pair in (four[:2], four[2:])
    ]
    packed = _pack(e, "packuswb" if unsigned else "packsswb", bytes_, *pairs)
    return b.bitcast(packed, ir_vector(i32, lanes))


def _sides(e, packed):
    """Where what was packed of so many registers lies, in their order."""
    sides = e.tier.lanes // 4
    return [packed * (n % sides) + n // sides for n in range(sides * packed)]


def _picked(e, x, picks):
    mask = ir.Constant(ir_vector(i32, len(picks)), list(picks))
    return e.b.shuffle_vector(x, ir.Constant(x.type, ir.Undefined), mask)


def _pack(e, name, result, a, b):
    type_ = ir.FunctionType(result, [a.type, b.type])
    bits = BITS[e.tier.lanes]
    name = f"llvm.x86.avx2.{name}" if bits == 256 else f"llvm.x86.avx512.{name}.512"
    function = cgutils.get_or_insert_function(e.b.module, type_, name)
    return e.b.call(function, [a, b])


def _clamped(e, value, shift, unsigned):
    b = e.b
    lo, hi = (0, 255) if unsigned else (-128, 127)
    q = b.add(value, e.splat(shift, LANES))
    lo, hi = e.const(q.type, lo), e.const(q.type, hi)
    q = b.select(b.icmp_signed(">", q, lo), q, lo)
    q = b.select(b.icmp_signed("<", q, hi), q, hi)
    return b.trunc(q, ir_vector(simd.i8, LANES))
