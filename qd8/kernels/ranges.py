"""The range of a row (R5, R6): its least and greatest elements and 0, lane by lane.

Two ways. Three instructions a register are MINPS, MAXPS and a fused product with 0,
which becomes NaN beside a NaN or infinite element. As integers two will do: of negative
floats the least has the greatest bits as an unsigned number, of the others the greatest
has them as a signed one, and infinity and NaN are above all others in both, so that the
range itself tells of an element that is not finite. AVX-512 starts one such instruction
a cycle and two of the others. Ymm registers take integers, whose latency of one cycle
needs fewer chains, and so no more registers than there are.
"""

import numpy as np

from qd8.kernels.jit import intrinsic, njit, types
from qd8.kernels.simd import emitter, f32, i16, i64, ir_vector
from qd8.kernels.vector import F16, LANES, define, f32x16, fold, probed, real32

TURN = 4  # vectors a turn of the loop
CHAINS = {4: 1, 8: 2, 16: 4}  # of dependent vectors, by the lanes of a register
ZERO = np.float32(0)


@njit
def range_of(TIER, X, x, count):
    """Least and greatest of ``count`` elements and 0, and a probe.

    The probe is NaN if an element is NaN or infinite, or the range exceeds float32;
    else 0. Where it is NaN the other two mean nothing.
    """
    lo, hi = range_vectors(TIER, X, x, count)
    least, greatest = least_lane(TIER, lo), greatest_lane(TIER, hi)
    return least, greatest, (greatest - least) * ZERO


@intrinsic(prefer_literal=True)
def range_vectors(typingctx, tier, kind, x, count):
    """Least and greatest of every sixteenth of ``count`` elements, and -0.0 and 0.0.

    Where an element is NaN or infinite, so is a lane of one of the two vectors.
    ``lower`` and ``higher`` fold them.
    """
    half = kind.literal_value == F16
    size, real = LANES * (2 if half else 4), ir_vector(f32, LANES)
    memory = ir_vector(i16, LANES) if half else real

    def codegen(context, builder, signature, args):
        e, b = emitter(builder, tier), builder
        x, count = args[2:]
        take = _take_integers if e.tier.lanes == 8 else _take_reals
        zero = e.const(real, 0.0)

        def widened(raw):
            return e.widen(raw) if half else raw

        def over(start, vectors, chains):
            def turn(index, states):
                states = list(states)
                at = e.pointer(start, b.mul(index, i64(size * vectors)))
                for n in range(vectors):
                    k = 3 * (n % chains)
                    x = widened(e.load(memory, at, size * n))
                    states[k : k + 3] = take(e, *states[k : k + 3], x)
                return states

            return turn

        chains = CHAINS[e.tier.lanes]
        states = [e.const(real, -0.0), zero, zero] * chains
        turns = b.lshr(count, i64(6))
        states = e.loop(turns, states, over(x, TURN, chains), unroll=False)
        while len(states) > 3:
            *states, lo, hi, bad = states
            states[:3] = (
                lower(e, states[0], lo),
                higher(e, states[1], hi),
                b.fadd(states[2], bad),
            )
        rest = e.pointer(x, b.mul(turns, i64(size * TURN)))
        vectors = b.and_(b.lshr(count, i64(4)), i64(TURN - 1))
        states = e.loop(vectors, states, over(rest, 1, 1), unroll=False)
        left, before = b.and_(count, i64(LANES - 1)), b.block
        with b.if_then(b.icmp_signed(">", left, i64(0))):
            at = e.pointer(rest, b.mul(vectors, i64(size)))
            none = e.const(memory, 0 if half else 0.0)
            raw = e.load_masked(memory, at, e.mask(LANES, left), none)
            more, within = take(e, *states, widened(raw)), b.block
        lo, hi, bad = (
            e.phi((value, before), (new, within))
            for value, new in zip(states, more, strict=True)
        )
        hi = higher(e, hi, e.unary("llvm.fabs", bad))
        return context.make_tuple(b, signature.return_type, (lo, hi))

    pair = types.UniTuple(f32x16.type, 2)
    return pair(tier, kind, types.int64, types.int64), codegen


def _take_integers(e, lo, hi, bad, x):
    return lower(e, lo, x), higher(e, hi, x), bad


def _take_reals(e, lo, hi, bad, x):
    b = e.b
    lo = b.select(b.fcmp_ordered("<", x, lo), x, lo)
    hi = b.select(b.fcmp_ordered(">", x, hi), x, hi)
    return lo, hi, probed(e, bad, x)


def lower(e, lo, x):
    """The lesser of ``lo``, -0.0 or less, and ``x``; NaN and -infinity are least."""
    x, lo = e.bits(x), e.bits(lo)
    return e.real(e.b.select(e.b.icmp_unsigned(">", x, lo), x, lo))


def higher(e, hi, x):
    """The greater of ``hi``, 0.0 or more, and ``x``; NaN and infinity are greatest."""
    x, hi = e.bits(x), e.bits(hi)
    return e.real(e.b.select(e.b.icmp_signed(">", x, hi), x, hi))


least_lane = define(real32, (f32x16,), lambda e, x: fold(e, x, lower))
greatest_lane = define(real32, (f32x16,), lambda e, x: fold(e, x, higher))
