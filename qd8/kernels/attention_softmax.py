"""The softmax of attention: queries along the lanes, keys down the rows (R26).

Two loops over the rows of a block's scores, each for all queries of the block at once,
so that the constants of the exponential and a query's divisor stay in registers::

    exponentials    20 vector instructions for 16 scores on AVX-512
    quotients        4; a division would be ten cycles
"""

import numpy as np

from qd8.kernels.attention_tile import block_width
from qd8.kernels.float_exp import SCALED, emit_exp_scaled
from qd8.kernels.float_quotient import emit_quotient
from qd8.kernels.float_tile import TILES
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.kinds import LANES
from qd8.kernels.simd import emitter, f32, i64, ir_vector
from qd8.kernels.vector import F16

CONSTANTS = np.array(SCALED, np.float32)  # where `exponentials` reads them
AHEAD = 1024  # bytes of scores that are asked for before they are used
SMALLEST_NORMAL = 2.0**-126


def _registers(tier):
    """Float32 in a register, and the offsets of the registers of a row."""
    lanes = TILES[tier.name].lanes
    return lanes, [4 * j for j in range(0, block_width(tier), lanes)]


@intrinsic(prefer_literal=True)
def exponentials(typingctx, tier, S, scores, line, largest, sums, constants):
    """In place of each score exp(score - largest) times 2^63, and R22's sums of them.

    Parameters
    ----------
    S, scores, line : int64
        How many rows, their address, and bytes from one to the next.
    largest : int64
        Address of a row: of each query the largest score.
    sums : int64
        Address of sixteen rows, ``line`` apart: row j is added the exponentials of
        keys j, j + 16, ... Where it lies behind ``scores`` by a multiple of 2 KiB, no
        load waits for a store of another address with the same lowest 12 bits.
    constants : int64
        Address of CONSTANTS.
    """

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        S, scores, line, largest, sums, constants = args[1:]
        lanes, places = _registers(e.tier)
        vector = ir_vector(f32, lanes)
        if lanes == 16:  # of 32 registers
            known = [
                e.splat(e.load(f32, constants, 4 * i), lanes)
                for i in range(len(SCALED))
            ]
        else:
            known = [e.const(vector, float(c)) for c in CONSTANTS]
        tops = [e.load(vector, largest, place) for place in places]

        def key(index, carried):
            (at,) = carried
            lane = builder.mul(builder.and_(index, i64(LANES - 1)), line)
            to = e.pointer(sums, lane)
            for place in range(0, 4 * block_width(e.tier), 64):
                e.prefetch(at, AHEAD + place)
            # The sums are read before anything is stored (see ``sums``).
            before = [e.load(vector, to, place) for place in places]
            values = [e.load(vector, at, place) for place in places]
            for x, top, sum_, place in zip(values, tops, before, places, strict=True):
                power = emit_exp_scaled(e, builder.fsub(x, top), known)
                e.store(power, at, place)
                e.store(builder.fadd(sum_, power), to, place)
            return [e.pointer(at, line)]

        e.loop(S, [e.pointer(scores)], key, unroll=False)
        return context.get_dummy_value()

    return types.none(tier, *(types.int64,) * 6), codegen


@intrinsic(prefer_literal=True)
def quotients(typingctx, tier, kind, S, powers, line, sums, out):
    """Weights: each of ``exponentials`` divided by its query's sum.

    Parameters
    ----------
    tier, kind : literal int
        With kind F16 weights are rounded to float16 (R4).
    S, powers, line : int64
        As of `exponentials`; rows of ``out`` are ``line`` apart, too.
    sums : int64
        Address of one row: the sums, complete.
    """
    half = kind.literal_value == F16

    def codegen(context, builder, signature, args):
        e, b = emitter(builder, tier), builder
        S, powers, line, sums, out = args[2:]
        lanes, places = _registers(e.tier)
        vector = ir_vector(f32, lanes)
        one, zero = e.const(vector, 1.0), e.const(vector, 0.0)
        totals = [e.load(vector, sums, place) for place in places]
        reciprocals = [b.fdiv(one, total) for total in totals]
        least = [b.fmul(total, e.const(vector, SMALLEST_NORMAL)) for total in totals]

        def key(index, carried):
            at, to = carried
            for j, place in enumerate(places):
                power = e.load(vector, at, place)
                y = emit_quotient(e, power, totals[j], reciprocals[j])
                y = b.select(b.fcmp_ordered("<", power, least[j]), zero, y)
                e.store(e.widen(e.narrow(y)) if half else y, to, place)
            return [e.pointer(at, line), e.pointer(to, line)]

        e.loop(S, [e.pointer(powers), e.pointer(out)], key, unroll=False)
        return context.get_dummy_value()

    return types.none(tier, kind, *(types.int64,) * 5), codegen
