"""The input transform of Winograd, and sums with whole coefficients as instructions.

A tile reads a window of differences d = q - zero_point and transforms it as the
variant's matrices say (winograd_variants.py):

    V = B_y d B_x^T    sixteen channels of int16 at a time

modulo 2^16: intermediate values may wrap, the results fit (``largest_input``).
Everything is explicit SIMD, so that nothing is scalar.
"""

from math import gcd

from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import Emitter, emitter, i16, i64, ir_vector
from qd8.kernels.winograd_memory import CHUNK
from qd8.kernels.winograd_variants import VARIANTS


@intrinsic(prefer_literal=True)
def transform_input(
    typingctx, tier, variant, window, row_step, pixel_step, out, step
):  # fmt: skip
    """V of one tile, one block of taps and sixteen channels.

    window: address of its int16 pixels, ``row_step`` and ``pixel_step`` bytes apart.
    out: where position 0 goes; position n_x i + j goes ``step`` bytes times that
    further on.
    """

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        y, x = VARIANTS[variant.literal_value][1:]
        type_ = ir_vector(i16, CHUNK)
        at = [e.pointer(args[2], builder.mul(args[3], i64(i))) for i in range(y.inputs)]
        columns = []
        for j in range(x.inputs):
            across = builder.mul(args[4], i64(j))
            columns.append(products(e, y.B, [e.load(type_, row, across) for row in at]))
        for i in range(y.products):
            for j, v in enumerate(products(e, x.B, [c[i] for c in columns])):
                e.store(v, args[5], builder.mul(args[6], i64(x.products * i + j)))
        return context.get_dummy_value()

    return types.none(tier, variant, *[types.int64] * 5), codegen


def products(e: Emitter, matrix, values):
    """``matrix @ values``, rows of points a and -a from their even and odd parts."""
    out = [None] * len(matrix)
    for i, row in enumerate(matrix):
        if out[i] is not None:
            continue
        twin = next((j for j in range(i + 1, len(matrix)) if twins(row, matrix[j])), 0)
        if not twin:
            out[i] = weighted_sum(e, row, values)
            continue
        pairs = list(zip(row, matrix[twin], strict=True))
        even = weighted_sum(e, [a if a == b else 0 for a, b in pairs], values)
        odd = weighted_sum(e, [a if a != b else 0 for a, b in pairs], values)
        out[i], out[twin] = e.b.add(even, odd), e.b.sub(even, odd)
    return out


def twins(row, other):
    """Whether they are of points a and -a: they differ in some signs, not in all."""
    pairs = [(a, b) for a, b in zip(row, other, strict=True) if a or b]
    same = {a == b for a, b in pairs}
    return len(same) == 2 and all(abs(a) == abs(b) for a, b in pairs)


def weighted_sum(e: Emitter, coefficients, values):
    """Their sum modulo the elements' size; those of one magnitude are added first."""
    b, groups = e.b, {}
    for a, value in zip(coefficients, values, strict=True):
        if a:
            groups.setdefault(abs(a), []).append((a > 0, value))
    common = gcd(*groups)
    common &= -common
    terms = []
    for size, group in groups.items():
        positive, total = _added(e, group)
        terms.append((positive, _times(e, total, size // common)))
    positive, total = _added(e, terms)
    total = _times(e, total, common)
    return total if positive else b.sub(e.const(total.type, 0), total)


def _added(e, terms):
    """Sum of (is positive, value), as another such pair: False only if none is."""
    first = next((n for n, (positive, _) in enumerate(terms) if positive), 0)
    sign, total = terms[first]
    for n, (positive, value) in enumerate(terms):
        if n != first:
            total = (e.b.add if positive == sign else e.b.sub)(total, value)
    return sign, total


def _times(e, value, size):
    if size == 1:
        return value
    if size & (size - 1) == 0:
        return e.b.shl(value, e.const(value.type, size.bit_length() - 1))
    return e.b.mul(value, e.const(value.type, size))
