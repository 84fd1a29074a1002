"""Register tiles: MR rows by NR columns of int32 accumulators, for all of K.

A tile reads a packed panel of weights,

    [ksum: NR int32][weights: K/KR x NR x KR int8][weight_scale: NR f32][bias: NR f32]

and MR rows of quantized activations, whose layout is the tier's own:

    "madd"  [K/16][MR][16] int16 differences q - zero_point: no ksum needed
    "vnni"  rows of uint8 q + 128, ``a_stride`` bytes apart; accumulators start at
            ksum * (zero_point + 128), with ksum = -sum_k w
    "amx"   as "vnni" (tile_amx.py)

Accumulators are SSA values carried round the loop by phis, so they are registers by
construction. The register map of "madd" on AVX2 (MR 6, NR 16), 15 of 16 ymm:

            w0: columns 0-7   w1: columns 8-15      (int8 sign-extended to int16 pairs)
    a row 0     acc00             acc01             a: one dword (two k) broadcast
    ...
    a row 5     acc50             acc51

and of "vnni" (MR 8, NR 32): 16 accumulators, 2 zmm of weights, one broadcast.

The epilogue (R14) runs on the same registers and stores once.
"""

from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter, f32, i8, i16, i32, i64, ir_vector
from qd8.kernels.vector import F16

NAMES = ("a", "a_stride", "blocks", "panel", "scale", "zero_point", "row_step")
NAMES += ("out", "out_stride", "columns", "lo", "hi", "acc", "acc_stride")

FLUSHED_TOGETHER = 4  # vectors tested at once; more would not stay in registers


def argument_types():
    """The types of NAMES."""
    return [types.float32 if name in ("lo", "hi") else types.int64 for name in NAMES]


def variants(tier):
    """How many rows a register tile of this tier may have: 1 to this."""
    return 2 if tier.tile == "amx" else tier.MR


@intrinsic(prefer_literal=True)
def register_tile(
    typingctx, tier, out_kind, rows, a, a_stride, blocks, panel, scale, zero_point,
    row_step, out, out_stride, columns, lo, hi, acc, acc_stride,
):  # fmt: skip
    """One tile of ``rows`` rows, at most ``variants(tier)``: each has its own code.

    a, panel, scale, zero_point, out, acc: addresses; ``acc`` 0 if not wanted.
    blocks: K in units of the tier's KB. row_step: bytes from one row's scale and
    zero point to the next (4, or 0 where a whole image shares them). out_stride,
    acc_stride: bytes from row to row. columns: valid columns, at most NR.
    """
    half = out_kind.literal_value == F16

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        v = dict(zip(NAMES, args[3:], strict=True))
        accumulate = _madd if e.tier.tile == "madd" else _vnni
        done = builder.append_basic_block("tile.done")
        switch = builder.switch(args[2], done)
        for n in range(1, variants(e.tier) + 1):
            block = builder.append_basic_block(f"tile.{n}")
            switch.add_case(i64(n), block)
            builder.position_at_end(block)
            finish(e, n, half, accumulate(e, n, v), v)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.none(tier, out_kind, types.int64, *argument_types()), codegen


def chains(rows: int) -> int:
    """Partial sums of one accumulator, kept apart so that latency does not bind.

    Few rows are too few chains of dependent instructions (vpdpbusd takes five
    cycles); they sum every other, or every fourth, step apart: integers do not mind.
    """
    return 4 if rows == 1 else 2 if rows <= 3 else 1


def _joined(e, accs, n):
    """The first ``n`` accumulators, with the partial sums kept apart added in."""
    for k in range(n, len(accs)):
        accs[k % n] = e.b.add(accs[k % n], accs[k])
    return accs[:n]


def _madd(e, rows, v):
    """One pair of k a turn, or as many as there are chains.

    Unrolled over the eight pairs of a chunk, LLVM 22 widens the weights of several
    pairs ahead and spills accumulators for it, on every CPU without AVX-VNNI: of 6x16
    36 of 303 instructions moved them, 57 GMAC/s instead of 73. Where AVX-VNNI is, it
    takes seven of eight vpdpwssd apart (Emitter.dot_words), 79 instead of 107.
    """
    b, tier = e.b, e.tier
    lanes, vectors = tier.lanes, tier.NR // tier.lanes
    apart = pairs = chains(rows)
    a, w = e.pointer(v["a"]), e.pointer(v["panel"], 4 * tier.NR)
    zero = e.const(ir_vector(i32, lanes), 0)
    narrow, wide = ir_vector(i8, 2 * lanes), ir_vector(i16, 2 * lanes)

    def turn(index, carried):
        a_at, *accs = carried
        w_at = e.pointer(w, b.mul(index, i64(2 * tier.NR * pairs)))
        for pair in range(pairs):
            ws = []
            for j in range(vectors):
                at = 2 * tier.NR * pair + 2 * lanes * j
                ws.append(b.sext(e.load(narrow, w_at, at), wide))
            for r in range(rows):
                dword = e.load(i32, a_at, 32 * r + 4 * pair)
                broadcast = b.bitcast(e.splat(dword, lanes), wide)
                for j in range(vectors):
                    k = (pair % apart * rows + r) * vectors + j
                    accs[k] = e.dot(accs[k], broadcast, ws[j])
        # To the next pairs of the chunk, or past the other rows to the next chunk.
        turns = i64(8 // pairs - 1)
        last = b.icmp_signed("==", b.and_(index, turns), turns)
        step = b.select(last, i64(32 * rows - 32 + 4 * pairs), i64(4 * pairs))
        return [e.pointer(a_at, step), *accs]

    n = rows * vectors
    turns = b.mul(v["blocks"], i64(8 // pairs))
    _, *accs = e.loop(turns, [a, *[zero] * (apart * n)], turn, unroll=False)
    return _joined(e, accs, n)


def _vnni(e, rows, v):
    """Sixteen k a turn: four steps of vpdpbusd on quads."""
    b, tier = e.b, e.tier
    lanes, vectors = tier.lanes, tier.NR // tier.lanes
    apart = chains(rows)
    w = e.pointer(v["panel"], 4 * tier.NR)
    type_ = ir_vector(i32, lanes)
    a_rows = [e.pointer(v["a"], b.mul(v["a_stride"], i64(r))) for r in range(rows)]
    n = rows * vectors
    starts = initial(e, rows, v) + [e.const(type_, 0)] * ((apart - 1) * n)

    def turn(index, accs):
        accs = list(accs)
        k_at = b.mul(index, i64(16))
        w_at = e.pointer(w, b.mul(index, i64(16 * tier.NR)))
        for quad in range(4):
            ws = [
                e.load(type_, w_at, 4 * tier.NR * quad + 4 * lanes * j)
                for j in range(vectors)
            ]
            for r in range(rows):
                dword = e.load(i32, e.pointer(a_rows[r], k_at), 4 * quad)
                broadcast = e.splat(dword, lanes)
                for j in range(vectors):
                    k = (quad % apart * rows + r) * vectors + j
                    accs[k] = e.dot(accs[k], broadcast, ws[j])
        return accs

    turns = b.mul(v["blocks"], i64(tier.KB // 16))
    return _joined(e, e.loop(turns, starts, turn), n)


def initial(e, rows, v):
    """ksum * (zero_point + 128) for each row: takes the 128 and the zero point off."""
    lanes, vectors = e.tier.lanes, e.tier.NR // e.tier.lanes
    ksum = [
        e.load(ir_vector(i32, lanes), v["panel"], 4 * lanes * j) for j in range(vectors)
    ]
    starts = []
    for r in range(rows):
        at = e.pointer(v["zero_point"], e.b.mul(v["row_step"], i64(r)))
        point = e.splat(e.b.add(e.load(i32, at), i32(128)), lanes)
        starts += [e.b.mul(k, point) for k in ksum]
    return starts


def finish(e, rows, half, accs, v, tail=None):
    """R14 on registers: scale, fma, flush, clamp; store accumulators and outputs.

    tail : where weight_scale and bias lie; after the weights if not given
    """
    b, tier = e.b, e.tier
    lanes, vectors = tier.lanes, tier.NR // tier.lanes
    with b.if_then(b.icmp_signed("!=", v["acc"], i64(0)), likely=False):
        store_rows(e, rows, accs, v["acc"], v["acc_stride"], v["columns"])
    if tail is None:
        weights_end = b.mul(v["blocks"], i64(tier.KB * tier.NR))
        tail = e.pointer(v["panel"], b.add(weights_end, i64(4 * tier.NR)))
    ys = []
    together = max(1, FLUSHED_TOGETHER // vectors)
    for first in range(0, rows, together):
        scales = []
        for r in range(first, min(first + together, rows)):
            at = e.pointer(v["scale"], b.mul(v["row_step"], i64(r)))
            scales.append(e.splat(e.load(f32, at), lanes))
        some = accs[first * vectors : (first + len(scales)) * vectors]
        ys += outputs(e, some, scales, tail, v)
    if half:
        ys = [e.narrow(y) for y in ys]
    store_rows(e, rows, ys, v["out"], v["out_stride"], v["columns"])


def outputs(e, accs, scales, tail, v):
    """Outputs of a few rows from their accumulators and scales, in every lane."""
    b, lanes, NR = e.b, e.tier.lanes, e.tier.NR
    real, rows = ir_vector(f32, lanes), len(scales)
    vectors = len(accs) // rows
    steps = range(0, 4 * lanes * vectors, 4 * lanes)
    t = [b.fmul(b.sitofp(a, real), scales[k // vectors]) for k, a in enumerate(accs)]
    weight_scale = [e.load(real, tail, at) for at in steps]
    bias = [e.load(real, tail, 4 * NR + at) for at in steps]
    ys = e.fma_flushed(t, weight_scale * rows, bias * rows)
    lo, hi = e.splat(v["lo"], lanes), e.splat(v["hi"], lanes)
    return [e.clamp(y, lo, hi) for y in ys]


def store_rows(e, rows, values, address, stride, columns):
    """Store ``rows`` rows of vectors; only ``columns`` of NR where the panel ends."""
    b, tier = e.b, e.tier
    lanes, vectors = tier.lanes, tier.NR // tier.lanes
    bytes_ = values[0].type.element.width // 8 if hasattr(
        values[0].type.element, "width") else 4  # fmt: skip
    whole = b.icmp_signed("==", columns, i64(tier.NR))
    with b.if_else(whole, likely=True) as (full, part):
        with full:
            for k, value in enumerate(values):
                row = b.mul(stride, i64(k // vectors))
                at = e.pointer(address, row)
                e.store(value, at, bytes_ * lanes * (k % vectors))
        with part:
            masks = [
                e.mask(lanes, b.sub(columns, i64(lanes * j))) for j in range(vectors)
            ]
            for k, value in enumerate(values):
                row = b.mul(stride, i64(k // vectors))
                at = e.pointer(address, row)
                at = e.pointer(at, bytes_ * lanes * (k % vectors))
                e.store_masked(value, at, masks[k % vectors])
