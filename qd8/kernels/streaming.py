"""Stores to memory that has left the caches: past them, or asked for ahead.

An ordinary store first reads its line, and few such reads are under way at a time.
The output of an image-sized operator was last touched a whole model ago, so 5.5 MB of
it took 1.4 ms. Stored past the caches a line is not read at all, which costs who
reads it next a little; asked for ahead it is, but many lines at a time.
"""

from qd8.kernels import simd
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.kinds import LANES
from qd8.kernels.simd import emitter
from qd8.kernels.vector import F16, f32x16, stored

LINE = 64  # bytes
# Bytes of an output from which on it is stored past the caches. After a whole model,
# written and then read, 2.2 MB take 390 us so and 416 asked for ahead, 4.2 MB 628 and
# 754, 1.4 MB 339 and 296 (Sapphire Rapids, 2 MB of L2). Where the last level still has
# them asking is faster (4.2 MB: 469 and 350), hence not from 2 MB on.
PAST_CACHES = 4 << 20
AHEAD = 1024  # bytes that lines are asked for ahead; from 512 to 4096 it is the same


@intrinsic(prefer_literal=True)
def stream(typingctx, tier, kind, address, value):
    """Store sixteen elements past the caches, a line of float32 or half a line of
    float16 at once; `drain` must follow the last.

    address : a multiple of what is stored
    """
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        value = stored(e, k, args[3])
        at = builder.bitcast(e.pointer(args[2]), value.type.as_pointer())
        size = LANES * (2 if k == F16 else 4)
        past = builder.module.add_metadata([simd.i32(1)])
        builder.store(value, at, align=size).set_metadata("nontemporal", past)
        return context.get_dummy_value()

    return types.none(tier, kind, types.int64, f32x16.type), codegen


@intrinsic
def drain(typingctx):
    """Wait until what was streamed is in memory: it may pass later stores, and another
    thread be told of it too early."""

    def codegen(context, builder, signature, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), codegen


@intrinsic(prefer_literal=True)
def ask(typingctx, tier, address):
    """Ask for a line that will be written; nothing happens where there is no memory."""

    def codegen(context, builder, signature, args):
        emitter(builder, tier).prefetch(args[1], 0, write=True)
        return context.get_dummy_value()

    return types.none(tier, types.int64), codegen
