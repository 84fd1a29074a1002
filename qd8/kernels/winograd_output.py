"""The output transform of Winograd: accumulators from products, then outputs (R14).

    o = A_y M A_x^T    one vector of int32 at a time, modulo 2^32

is, for output (i, j), L^2 / 2^(e_i + e_j) times the accumulator y
(winograd_variants.py). L^2 is an odd number times 2^shift: o times the inverse of the
odd one modulo 2^32, shifted right arithmetically by what is left of the two, is y
wherever |y| is below the variant's limit, which the packer proves (qd8/winograd.py).
For F(4x4, 3x3) that is 576 = 9 * 64, the inverse 954437177 and a limit of 2^25.
"""

from qd8.kernels.epilogue import is_bounded, never_tiny
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter, f32, i32, i64, ir_vector
from qd8.kernels.vector import F16
from qd8.kernels.winograd_transform import twins, weighted_sum
from qd8.kernels.winograd_variants import VARIANTS

NAMES = ("m", "m_step", "tail", "bias_at", "scale", "columns", "rows", "pixels")
NAMES += ("out", "row_step", "pixel_step", "acc", "acc_row", "acc_pixel", "spare")
NAMES += ("sum", "sum_step", "before", "after", "lo", "hi")


@intrinsic(prefer_literal=True)
def transform_output(
    typingctx, tier, variant, out_kind, m, m_step, tail, bias_at, scale, columns, rows,
    pixels, out, row_step, pixel_step, acc, acc_row, acc_pixel, spare, sum_, sum_step,
    before, after, lo, hi,
):  # fmt: skip
    """Accumulators, then outputs (R14), of one tile and one vector of channels.

    m: int32 at position p, ``p * m_step`` bytes on. tail: weight_scale of these
    channels, ``bias_at`` bytes before their bias. scale: of the image. columns: valid
    channels, which may exceed a vector. rows, pixels: of the tile's outputs, how
    many are inside the image. out, acc: the first of them; ``acc`` 0 if not wanted.
    spare: SPARE bytes; outputs outside go to its first line. sum_: where sums of the
    blocks of input channels are kept, ``sum_step`` bytes from output to output: added
    to if ``before``, and only written if ``after``, which is to say unfinished.
    """
    half = out_kind.literal_value == F16

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        v = dict(zip(NAMES, args[3:], strict=True))
        kind = VARIANTS[variant.literal_value]
        y, x = kind.y, kind.x
        lanes = e.tier.lanes
        whole, real = ir_vector(i32, lanes), ir_vector(f32, lanes)
        columns = []
        for j in range(x.products):
            steps = [i64(x.products * i + j) for i in range(y.products)]
            m = [e.load(whole, v["m"], builder.mul(v["m_step"], n)) for n in steps]
            columns.append(_outputs_of(e, y.A, m))
        v["scale"] = e.splat(e.load(f32, v["scale"]), lanes)
        v["weight_scale"] = e.load(real, v["tail"])
        v["bias"] = e.load(real, v["tail"], v["bias_at"])
        v["ordinary"] = never_tiny(e, v["scale"], v["weight_scale"], v["bias"])
        v["bounded"] = is_bounded(e, v["lo"], v["hi"])
        v["lo"], v["hi"] = e.splat(v["lo"], lanes), e.splat(v["hi"], lanes)
        v["mask"] = e.mask(lanes, v["columns"])
        v["full"] = builder.icmp_signed(">=", v["columns"], i64(lanes))
        for i in range(y.outputs):
            o = _outputs_of(e, x.A, [c[i] for c in columns])
            shifts = [kind.shift - y.e[i] - e_j for e_j in x.e]
            inside = builder.icmp_signed(">", v["rows"], i64(i))
            with builder.if_then(inside, likely=True):
                _finish_row(e, i, _accumulators(e, o, kind.inverse, shifts), half, v)
        return context.get_dummy_value()

    arguments = (types.float32 if n in ("lo", "hi") else types.int64 for n in NAMES)
    return types.none(tier, variant, out_kind, *arguments), codegen


def _outputs_of(e, matrix, products):
    """A m, modulo 2^32; of points a and -a the sum and the difference are shared."""
    columns, values, terms = list(zip(*matrix, strict=True)), [], []
    rest = list(range(len(columns)))
    while rest:
        p = rest.pop(0)
        twin = next((q for q in rest if twins(columns[p], columns[q])), None)
        if twin is None:
            values.append(products[p])
            terms.append(columns[p])
            continue
        rest.remove(twin)
        same = [a == b for a, b in zip(columns[p], columns[twin], strict=True)]
        values.append(e.b.add(products[p], products[twin]))
        terms.append([a if s else 0 for a, s in zip(columns[p], same, strict=True)])
        values.append(e.b.sub(products[p], products[twin]))
        terms.append([0 if s else a for a, s in zip(columns[p], same, strict=True)])
    return [weighted_sum(e, row, values) for row in zip(*terms, strict=True)]


def _accumulators(e, outputs, inverse, shifts):
    """y from odd * 2^shift * y modulo 2^32, where ``inverse`` is of that odd number."""
    b = e.b
    return [
        b.ashr(b.mul(o, e.const(o.type, inverse)), e.const(o.type, shift))
        for o, shift in zip(outputs, shifts, strict=True)
    ]


def _finish_row(e, i, ys, half, v):
    """Add to the sums of earlier blocks; keep them, or make outputs of them."""
    b = e.b
    steps = [i64(len(ys) * i + j) for j in range(len(ys))]
    sums = [e.pointer(v["sum"], b.mul(v["sum_step"], n)) for n in steps]
    entry = b.block
    with b.if_then(b.icmp_signed("!=", v["before"], i64(0)), likely=False):
        added = [b.add(y, e.load(y.type, at)) for y, at in zip(ys, sums, strict=True)]
        added_block = b.block
    merged = [
        e.phi((y, entry), (more, added_block))
        for y, more in zip(ys, added, strict=True)
    ]
    unfinished = b.icmp_signed("!=", v["after"], i64(0))
    with b.if_else(unfinished, likely=False) as (keep, finish):
        with keep:
            for y, at in zip(merged, sums, strict=True):
                e.store(y, at)
        with finish:
            with b.if_then(b.icmp_signed("!=", v["acc"], i64(0)), likely=False):
                _store_row(e, i, merged, v["acc"], v["acc_row"], v["acc_pixel"], v)
            values = _outputs(e, merged, v)
            if half:
                values = [e.narrow(y) for y in values]
            _store_row(e, i, values, v["out"], v["row_step"], v["pixel_step"], v)


def _outputs(e, accs, v):
    """R14."""
    b, n = e.b, len(accs)
    real = v["weight_scale"].type
    t = [b.fmul(b.sitofp(acc, real), v["scale"]) for acc in accs]
    weight_scale, bias = [v["weight_scale"]] * n, [v["bias"]] * n
    with b.if_else(v["ordinary"], likely=True) as (plain, careful):
        with plain:
            fused = [e.fma(*each) for each in zip(t, weight_scale, bias, strict=True)]
            plain_block = b.block
        with careful:
            flushed = e.fma_flushed(t, weight_scale, bias)
            careful_block = b.block
    ys = [
        e.phi((y, plain_block), (other, careful_block))
        for y, other in zip(fused, flushed, strict=True)
    ]
    entry = b.block
    with b.if_then(v["bounded"]):
        clamped = [e.clamp(y, v["lo"], v["hi"]) for y in ys]
        clamp_block = b.block
    return [
        e.phi((y, entry), (other, clamp_block))
        for y, other in zip(ys, clamped, strict=True)
    ]


def _store_row(e, i, values, address, row_step, pixel_step, v):
    """Store the pixels of row ``i``; what is outside the image goes to ``spare``."""
    b = e.b
    row = e.pointer(address, b.mul(row_step, i64(i)))
    spare = e.pointer(v["spare"])
    places = []
    for j in range(len(values)):
        at = e.pointer(row, b.mul(pixel_step, i64(j)))
        inside = b.icmp_signed(">", v["pixels"], i64(j))
        places.append(b.select(inside, at, spare))
    with b.if_else(v["full"], likely=True) as (full, part):
        with full:
            for value, at in zip(values, places, strict=True):
                e.store(value, at)
        with part:
            for value, at in zip(values, places, strict=True):
                e.store_masked(value, at, v["mask"])
