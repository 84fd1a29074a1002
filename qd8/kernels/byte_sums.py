"""Sums of runs of int8, modulo 2^32.

In portable vectors: LLVM takes a loop over single bytes for one over 32 places that
have nothing to do with each other, and gathers them (1.7 GB/s; these 15).
"""

from collections.abc import Callable

from qd8.kernels import isa
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import Emitter, i8, i32, i64, ir, ir_vector

LANES = 16


def _sum(e: Emitter, address, count, part: Callable[[ir.Value], ir.Value]):
    """The sum of ``part(element)``, sixteen lanes at a time, then one by one."""
    build, wide = e.b, ir_vector(i32, LANES)
    vectors = build.ashr(count, i64(LANES.bit_length() - 1))

    def many(index, carried):
        at = build.mul(index, i64(LANES))
        values = build.sext(e.load(ir_vector(i8, LANES), address, at), wide)
        return [build.add(carried[0], part(values))]

    (lanes,) = e.loop(vectors, [e.const(wide, 0)], many)
    first = build.mul(vectors, i64(LANES))

    def one(index, carried):
        value = build.sext(e.load(i8, address, build.add(first, index)), i32)
        return [build.add(carried[0], part(value))]

    total = e.call(f"llvm.vector.reduce.add.v{LANES}i32", i32, lanes)
    (total,) = e.loop(build.sub(count, first), [total], one, unroll=False)
    return total


@intrinsic
def sum_bytes(typingctx, address, count):
    """The sum of ``count`` int8."""

    def codegen(context, builder, signature, args):
        e = Emitter(builder, isa.TIERS[0])
        return _sum(e, *args, lambda x: x)

    return types.int32(types.int64, types.int64), codegen


@intrinsic
def sum_positive_bytes(typingctx, address, count):
    """The sum of those of ``count`` int8 that are positive."""

    def codegen(context, builder, signature, args):
        e = Emitter(builder, isa.TIERS[0])
        return _sum(e, *args, lambda x: e.binary("llvm.smax", x, e.const(x.type, 0)))

    return types.int32(types.int64, types.int64), codegen
