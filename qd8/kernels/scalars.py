"""Scalars in memory, at addresses: words of an argument block, single elements."""

from qd8.kernels import isa
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import Emitter, emitter, f32, f64, i8, i32, i64


@intrinsic
def word(typingctx, arguments, index):
    """The int64 at ``arguments + 8 * index``."""

    def codegen(context, builder, signature, args):
        offset = builder.mul(args[1], i64(8))
        return Emitter(builder, isa.TIERS[0]).load(i64, args[0], offset)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def real_word(typingctx, arguments, index):
    """The float32 in the low half of the int64 at ``arguments + 8 * index``."""

    def codegen(context, builder, signature, args):
        offset = builder.mul(args[1], i64(8))
        return Emitter(builder, isa.TIERS[0]).load(f32, args[0], offset)

    return types.float32(types.int64, types.int64), codegen


@intrinsic
def store_scalar(typingctx, address, value):
    """Store an int32, int64 or float32 at ``address``."""

    def codegen(context, builder, signature, args):
        Emitter(builder, isa.TIERS[0]).store(args[1], args[0])
        return context.get_dummy_value()

    return types.none(types.int64, value), codegen


@intrinsic
def load_int(typingctx, address):
    """The int32 at ``address``."""

    def codegen(context, builder, signature, args):
        return Emitter(builder, isa.TIERS[0]).load(i32, args[0])

    return types.int32(types.int64), codegen


@intrinsic
def load_byte(typingctx, address):
    """The int8 at ``address``, as int64."""

    def codegen(context, builder, signature, args):
        return builder.sext(Emitter(builder, isa.TIERS[0]).load(i8, args[0]), i64)

    return types.int64(types.int64), codegen


@intrinsic
def store_byte(typingctx, address, value):
    """Store the lowest eight bits of an integer."""

    def codegen(context, builder, signature, args):
        Emitter(builder, isa.TIERS[0]).store(builder.trunc(args[1], i8), args[0])
        return context.get_dummy_value()

    return types.none(types.int64, value), codegen


@intrinsic
def load_real(typingctx, address):
    """The float32 at ``address``."""

    def codegen(context, builder, signature, args):
        return Emitter(builder, isa.TIERS[0]).load(f32, args[0])

    return types.float32(types.int64), codegen


@intrinsic
def load_double(typingctx, address):
    """The float64 at ``address``."""

    def codegen(context, builder, signature, args):
        return Emitter(builder, isa.TIERS[0]).load(f64, args[0])

    return types.float64(types.int64), codegen


@intrinsic(prefer_literal=True)
def round_half_scalar(typingctx, tier, x):
    """float32 rounded to float16 and widened again."""

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        return e.widen(e.narrow(args[1]))

    return types.float32(tier, types.float32), codegen
