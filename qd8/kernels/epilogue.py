"""R14 as every register tile needs it: whether R2 can act at all, and its constants."""

from qd8.kernels.simd import i64

COARSE = 2.0**-64  # of scale * weight_scale
LARGE = 2.0**-96  # of a bias


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
