"""The epilogue of AMX tiles (R14): accumulators from the corner to outputs.

Whatever does not change by row is hoisted, which makes nine forms of one loop. The
plain ones are for rows of which nothing unusual can come: R2 cannot act, no scale is
NaN and no accumulator is asked for; they take 4 to 7 instructions for 16 outputs, so
that the products of the next tile can run beside them. The careful form is for the
rest.
"""

from qd8.kernels.epilogue import channel_vectors, clamp_plain, is_bounded, never_tiny
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter, f32, i32, i64, ir_vector
from qd8.kernels.vector import F16

NAMES = ("rows", "corner", "panel", "blocks", "scale", "zero_point", "row_step")
NAMES += ("out", "out_step", "columns", "lo", "hi", "acc", "acc_step", "least")
_REAL = ("lo", "hi", "least")
_CAREFUL = 8
# ksum = 128 * high + low: `high` fits int16 up to this K, with every weight -128.
SHORT_K = 32767


@intrinsic(prefer_literal=True)
def tile_outputs(
    typingctx, tier, out_kind, rows, corner, panel, blocks, scale, zero_point,
    row_step, out, out_step, columns, lo, hi, acc, acc_step, least,
):  # fmt: skip
    """Outputs of ``rows`` rows of accumulators at ``corner``, 128 bytes each.

    Where ``row_step`` is 0 they share scale and zero point, and the accumulators are
    complete; else ksum * (zero_point + 128) is still to be added. least: the least
    scale of the rows, NaN if one of them is. Other arguments as
    :func:`qd8.kernels.tile.register_tile`.
    """
    half = out_kind.literal_value == F16

    def codegen(context, builder, signature, args):
        e, b = emitter(builder, tier), builder
        if e.tier.tile != "amx":  # behind an `if` that LLVM will remove
            return context.get_dummy_value()
        v = dict(zip(NAMES, args[2:], strict=True))
        done = b.append_basic_block("outputs.done")
        switch = b.switch(_form(e, v), done)
        for n in range(_CAREFUL + 1):
            block = b.append_basic_block(f"outputs.{n}")
            switch.add_case(i64(n), block)
            b.position_at_end(block)
            if n == _CAREFUL:
                _careful(e, half, v)
            else:
                _plain(e, half, v, shared=n & 1, bounded=n & 2, vectors=1 + n // 4)
            b.branch(done)
        b.position_at_end(done)
        return context.get_dummy_value()

    reals = [types.float32 if name in _REAL else types.int64 for name in NAMES]
    return types.none(tier, out_kind, *reals), codegen


def _form(e, v):
    """Bits: rows share their scale; there is a clamp; more than 16 columns."""
    b, lanes = e.b, e.tier.lanes
    real = ir_vector(f32, lanes)
    least = e.splat(v["least"], lanes)
    channels = channel_vectors(e, v["panel"], v["blocks"], 2, real)
    never = [never_tiny(e, least, *each) for each in zip(*channels, strict=True)]
    short = b.icmp_signed("<=", v["blocks"], i64(SHORT_K // e.tier.KB))
    no_acc = b.icmp_signed("==", v["acc"], i64(0))
    plain = b.and_(b.and_(*never), b.and_(short, no_acc))
    bits = (
        b.icmp_signed("==", v["row_step"], i64(0)),
        is_bounded(e, v["lo"], v["hi"]),
        b.icmp_signed(">", v["columns"], i64(lanes)),
    )
    form = i64(0)
    for n, bit in enumerate(bits):
        form = b.or_(form, b.shl(b.zext(bit, i64), i64(n)))
    return b.select(plain, form, i64(_CAREFUL))


def _plain(e, half, v, *, shared, bounded, vectors):
    b, lanes = e.b, e.tier.lanes
    type_, real = ir_vector(i32, lanes), ir_vector(f32, lanes)
    weight_scale, bias = channel_vectors(e, v["panel"], v["blocks"], vectors, real)
    masks = _masks(e, v, vectors)
    lo, hi = (e.splat(v[name], lanes) for name in ("lo", "hi"))
    if shared:
        common = e.splat(e.load(f32, v["scale"]), lanes)
    else:
        # ksum * z as a dot product of int16 pairs: (low, high) by (z, 128 z).
        ksum = [e.load(type_, v["panel"], 4 * lanes * j) for j in range(vectors)]
        pairs = [_digits(e, k) for k in ksum]

    def row(index, carried):
        at = e.pointer(v["corner"], b.mul(index, i64(128)))
        accs = [e.load(type_, at, 4 * lanes * j) for j in range(vectors)]
        scale = common if shared else None
        if not shared:
            step = b.mul(index, v["row_step"])
            scale = e.splat(e.load(f32, e.pointer(v["scale"], step)), lanes)
            point = b.add(e.load(i32, e.pointer(v["zero_point"], step)), i32(128))
            point = e.splat(b.mul(point, i32(1 | 128 << 16)), lanes)
            accs = [
                e.dot_words(acc, point, pair)
                for acc, pair in zip(accs, pairs, strict=True)
            ]
        t = [b.fmul(b.sitofp(acc, real), scale) for acc in accs]
        ys = [e.fma(*each) for each in zip(t, weight_scale, bias, strict=True)]
        if bounded:
            ys = [clamp_plain(e, y, lo, hi) for y in ys]
        _store(e, half, ys, v, index, masks)
        return []

    e.loop(v["rows"], [], row)


def _careful(e, half, v):
    b, lanes = e.b, e.tier.lanes
    type_, real = ir_vector(i32, lanes), ir_vector(f32, lanes)
    weight_scale, bias = channel_vectors(e, v["panel"], v["blocks"], 2, real)
    ksum = [e.load(type_, v["panel"], 4 * lanes * j) for j in range(2)]
    masks = _masks(e, v, 2)
    lo, hi = (e.splat(v[name], lanes) for name in ("lo", "hi"))
    complete = b.icmp_signed("==", v["row_step"], i64(0))
    wanted = b.icmp_signed("!=", v["acc"], i64(0))

    def row(index, carried):
        step = b.mul(index, v["row_step"])
        scale = e.splat(e.load(f32, e.pointer(v["scale"], step)), lanes)
        point = b.add(e.load(i32, e.pointer(v["zero_point"], step)), i32(128))
        point = e.splat(b.select(complete, i32(0), point), lanes)
        at = e.pointer(v["corner"], b.mul(index, i64(128)))
        accs = [
            b.add(e.load(type_, at, 4 * lanes * j), b.mul(ksum[j], point))
            for j in range(2)
        ]
        with b.if_then(wanted, likely=False):
            to = e.pointer(v["acc"], b.mul(index, v["acc_step"]))
            for j, (acc, mask) in enumerate(zip(accs, masks, strict=True)):
                e.store_masked(acc, e.pointer(to, 4 * lanes * j), mask)
        t = [b.fmul(b.sitofp(acc, real), scale) for acc in accs]
        ys = e.fma_flushed(t, weight_scale, bias)
        _store(e, half, [e.clamp(y, lo, hi) for y in ys], v, index, masks)
        return []

    e.loop(v["rows"], [], row)


def _digits(e, ksum):
    """(ksum & 127, ksum >> 7) as pairs of int16."""
    b = e.b

    def c(value):
        return e.const(ksum.type, value)

    return b.or_(b.and_(ksum, c(127)), b.shl(b.ashr(ksum, c(7)), c(16)))


def _masks(e, v, vectors):
    lanes = e.tier.lanes
    return [
        e.mask(lanes, e.b.sub(v["columns"], i64(lanes * j))) for j in range(vectors)
    ]


def _store(e, half, ys, v, index, masks):
    """Store a row of outputs, each rounded to float16 if that is their type."""
    if half:
        ys = [e.narrow(y) for y in ys]
    at = e.pointer(v["out"], e.b.mul(index, v["out_step"]))
    width = (2 if half else 4) * e.tier.lanes
    for j, (y, mask) in enumerate(zip(ys, masks, strict=True)):
        e.store_masked(y, e.pointer(at, width * j), mask)
