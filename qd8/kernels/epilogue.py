"""R14 as every register tile needs it: whether R2 can act at all, and its constants."""

from math import inf

from qd8.kernels.jit import intrinsic, njit, types
from qd8.kernels.quantize import LARGEST, ZERO
from qd8.kernels.simd import emitter, f32, i64, ir_vector
from qd8.kernels.vector import (
    F32,
    lane_min,
    lesser,
    load_first,
    probe,
    splat,
    tree_sum,
)

COARSE = 2.0**-64  # of scale * weight_scale
LARGE = 2.0**-96  # of a bias

# What outputs need after their fma: nothing, a clamp, or all of R14 with care.
PLAIN, BOUNDED, CAREFUL = 0, 1, 2


@njit
def least_scale(TIER, scale, rows):
    """The least of ``rows`` scales; NaN if one of them is."""
    least, bad = splat(LARGEST), splat(ZERO)
    for r in range(0, rows, 16):
        s = load_first(TIER, F32, scale + 4 * r, min(rows - r, 16), LARGEST)
        least, bad = lesser(TIER, least, s), probe(TIER, bad, s)
    return lane_min(TIER, least) + tree_sum(TIER, bad)


@intrinsic(prefer_literal=True)
def outputs_form(typingctx, tier, columns, tail, least, acc, lo, hi):
    """PLAIN, BOUNDED or CAREFUL: what the outputs of all rows by a panel need.

    columns : of the panel, a literal; ``tail`` is the address of their weight_scale,
        which their bias follows
    least : the least scale of the rows, NaN if one of them is
    acc : 0 if accumulators are not wanted
    """

    def codegen(context, builder, signature, args):
        e, b = emitter(builder, tier), builder
        lanes, width = e.tier.lanes, columns.literal_value
        real, scale = ir_vector(f32, lanes), e.splat(args[3], lanes)
        plain = b.icmp_signed("==", args[4], i64(0))
        for at in range(0, 4 * width, 4 * lanes):
            weight_scale = e.load(real, args[2], at)
            bias = e.load(real, args[2], 4 * width + at)
            plain = b.and_(plain, never_tiny(e, scale, weight_scale, bias))
        form = b.select(is_bounded(e, *args[5:]), i64(BOUNDED), i64(PLAIN))
        return b.select(plain, form, i64(CAREFUL))

    reals = (types.float32, types.int64, types.float32, types.float32)
    return types.int64(tier, columns, types.int64, *reals), codegen


def is_bounded(e, lo, hi):
    """Whether there is a clamp (an i1)."""
    return e.b.or_(
        e.b.fcmp_ordered("!=", lo, f32(-inf)), e.b.fcmp_ordered("!=", hi, f32(inf))
    )


def clamp_plain(e, y, lo, hi):
    """R14's clamp of outputs that R2 cannot flush: MAXPS and MINPS.

    Such an output is never -0.0, so where it equals a bound either will do; these
    instructions keep their second operand where that is NaN.
    """
    b = e.b
    y = b.select(b.fcmp_ordered(">", lo, y), lo, y)
    return b.select(b.fcmp_ordered("<", hi, y), hi, y)


def never_tiny(e, scale, weight_scale, bias):
    """Whether R2 cannot flush any output of these rows and channels (an i1).

    scale, weight_scale, bias : vectors of float32; a weight_scale of 0 is a column
        that pads its panel, whose outputs nobody stores

    An accumulator times ``scale``, rounded, is a multiple of ``scale``'s last place,
    so an output before rounding is a multiple of that times ``weight_scale``'s, or of
    the bias's if that is finer: with the bounds above a multiple of 2^-119. It is 0 or
    far from 2^-126. Rows of larger scales are coarser still, and a NaN scale (R10)
    counts as fine. Found once for a tile instead of asking each output.
    """
    b, real = e.b, scale.type
    zero = e.const(real, 0.0)
    step = b.fmul(scale, weight_scale)
    coarse = b.fcmp_ordered(">=", step, e.const(real, COARSE))
    padding = b.fcmp_ordered("==", weight_scale, zero)
    magnitude = e.unary("llvm.fabs", bias)
    large = b.fcmp_ordered(">=", magnitude, e.const(real, LARGE))
    none = b.fcmp_ordered("==", magnitude, zero)
    return e.all(b.and_(b.or_(coarse, padding), b.or_(large, none)))


def channel_vectors(e, panel, blocks, vectors, type_):
    """weight_scale and bias of a panel's first columns: two lists of vectors."""
    b, tier = e.b, e.tier
    weights = b.mul(blocks, i64(tier.KB * tier.NR))
    tail = e.pointer(panel, b.add(weights, i64(4 * tier.NR)))
    return tuple(
        [e.load(type_, tail, at + 4 * tier.lanes * j) for j in range(vectors)]
        for at in (0, 4 * tier.NR)
    )
