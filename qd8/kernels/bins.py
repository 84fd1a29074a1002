"""Steps of ``vpmaddubsw`` put into bins, whose sums of products stay within int16.

What a step adds to the positive and to the negative weights of its 8 columns is a
vector of 16 uint8, for each way to complement one of its pairs (qd8/maddubs.py). Steps
fit one bin if for both pairs some choice of ways sums to at most the limit everywhere.
The fewest bins are wanted: vector bin packing, by first fit, the heaviest steps first.
"""

from qd8.kernels import isa
from qd8.kernels.jit import intrinsic, njit, types
from qd8.kernels.scalars import store_scalar, word
from qd8.kernels.simd import Emitter, i8, i64, ir_vector

LOAD = 16  # bytes of what a way adds
WAYS = 2  # of a pair: as it is, or complemented
MOST = 4  # steps of a bin
CHOICES = WAYS**MOST  # of ways for all of them
CODES = LOAD * CHOICES  # bytes of their sums; then int64, bit m the way of member m
PAIR = CODES + 8 * CHOICES
MEMBERS = 4 * PAIR  # bytes of the choices of two pairs, as they are and as they become
SCRATCH = MEMBERS + 8 * MOST


def fill_bins(source):
    """Choose a bin for each step, and a way for each of its pairs.

    A bin takes the first free step of its stream and then of those behind it what fits,
    until it is full or ``reach`` steps did not fit.

    Arguments: loads (steps, 2 pairs, 2 ways, 16) uint8; the steps of all streams, each
    stream's heaviest first; where each stream ends among them; streams; limit; most
    steps of a bin; reach; SCRATCH bytes. Then what is written: ways (steps, 2), a
    number of its bin and the steps in it, 0 before. All but the loads are int64.
    """

    def fill_bins(task, tasks, args):
        source  # noqa: B018
        loads, order, ends = word(args, 0), word(args, 1), word(args, 2)
        limit, most, reach = word(args, 4), word(args, 5), word(args, 6)
        scratch, ways = word(args, 7), word(args, 8)
        bins, sizes = word(args, 9), word(args, 10)
        begin = 0
        for stream in range(word(args, 3)):
            end = word(ends, stream)
            for i in range(begin, end):
                if word(sizes, word(order, i)):
                    continue
                now, new = scratch, scratch + 2 * PAIR
                for pair in range(2):
                    clear(now + PAIR * pair)
                left = right = 1
                size = missed = 0
                for j in range(i, end):
                    step = word(order, j)
                    if word(sizes, step):
                        continue
                    at = loads + 2 * WAYS * LOAD * step
                    a = extend(now, left, at, new, size, limit)
                    b = 0
                    if a:
                        at += WAYS * LOAD
                        b = extend(now + PAIR, right, at, new + PAIR, size, limit)
                    if a and b:
                        left, right, now, new = a, b, new, now
                        store_scalar(scratch + MEMBERS + 8 * size, step)
                        size += 1
                    else:
                        missed += 1
                    if size == most or missed == reach:
                        break
                for member in range(size):
                    step = word(scratch + MEMBERS, member)
                    for pair in range(2):
                        code = word(now + PAIR * pair + CODES, 0)
                        store_scalar(ways + 16 * step + 8 * pair, code >> member & 1)
                    store_scalar(bins + 8 * step, word(order, i))
                    store_scalar(sizes + 8 * step, size)
            begin = end

    return fill_bins


@njit
def extend(choices, count, way, to, member, limit):
    """Every choice with every way of one more member that fits; how many they are."""
    found = 0
    for choice in range(count):
        for k in range(WAYS):
            fits = add(choices + LOAD * choice, way + LOAD * k, to + LOAD * found,
                       limit)  # fmt: skip
            code = word(choices + CODES, choice) | k << member
            store_scalar(to + CODES + 8 * found, code)
            found += fits
    return found


@njit
def clear(choices):
    """The one choice of no members."""
    for at in range(0, LOAD, 8):
        store_scalar(choices + at, 0)
    store_scalar(choices + CODES, 0)


@intrinsic
def add(typingctx, a, b, to, limit):
    """Store the sum of two loads, at most 255; 1 if none of it is above ``limit``."""

    def codegen(context, builder, signature, args):
        e, type_ = Emitter(builder, isa.TIERS[0]), ir_vector(i8, LOAD)
        a, b = (e.load(type_, at) for at in args[:2])
        name = f"llvm.uadd.sat.v{LOAD}i8"
        total = e.call(name, type_, a, b)
        e.store(total, args[2])
        most = e.splat(builder.trunc(args[3], i8), LOAD)
        above = e.any(builder.icmp_unsigned(">", total, most))
        return builder.select(above, i64(0), i64(1))

    return types.int64(*[types.int64] * 4), codegen
