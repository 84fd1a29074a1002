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

from qd8.kernels.epilogue import BOUNDED, PLAIN, clamp_plain
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter, f32, i8, i16, i32, i64, ir_vector
from qd8.kernels.vector import F16

NAMES = ("a", "a_stride", "K", "panel", "tail", "scale", "zero_point", "row_step")
NAMES += ("out", "out_stride", "columns", "lo", "hi", "acc", "acc_stride", "form")

FLUSHED_TOGETHER = 4  # vectors tested at once; more would not stay in registers
FEW = 3  # rows
LINE, AHEAD = 64, 2048  # bytes


def argument_types():
    """The types of NAMES."""
    return [types.float32 if name in ("lo", "hi") else types.int64 for name in NAMES]


def variants(tier):
    """How many rows a register tile of this tier may have: 1 to this."""
    return 2 if tier.tile == "amx" else tier.MR


@intrinsic(prefer_literal=True)
def register_tile(
    typingctx, tier, out_kind, rows, a, a_stride, K, panel, tail, scale, zero_point,
    row_step, out, out_stride, columns, lo, hi, acc, acc_stride, form,
):  # fmt: skip
    """One tile of ``rows`` rows, at most ``variants(tier)``: each has its own code.

    a, panel, scale, zero_point, out, acc: addresses; ``acc`` 0 if not wanted.
    tail: where the panel's weight_scale lies, which its bias follows. row_step: bytes
    from one row's scale and zero point to the next (4, or 0 where a whole image shares
    them). out_stride, acc_stride: bytes from row to row. columns: valid columns, at
    most NR. form: of ``epilogue.outputs_form``.
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
    return 4 if rows == 1 else 2 if rows <= FEW else 1


def _joined(e, accs, n):
    """The first ``n`` accumulators, with the partial sums kept apart added in."""
    for k in range(n, len(accs)):
        accs[k % n] = e.b.add(accs[k % n], accs[k])
    return accs[:n]


def _madd(e, rows, v):
    """A pair of k a step, eight steps a turn, each with an exit behind it.

    As one block of eight pairs LLVM 22 widens the weights of several ahead and spills
    accumulators for it, on every CPU without AVX-VNNI: of 6x16 36 of 303 instructions
    moved them. Where AVX-VNNI is, it takes seven of eight vpdpwssd apart
    (Emitter.dot_words). As a loop over single pairs it spills nothing, but finding the
    next pair takes nine instructions beside the 26 of 6x16.
    """
    b, tier = e.b, e.tier
    lanes, vectors = tier.lanes, tier.NR // tier.lanes
    apart, n = chains(rows), rows * vectors
    zero = e.const(ir_vector(i32, lanes), 0)
    narrow, wide = ir_vector(i8, 2 * lanes), ir_vector(i16, 2 * lanes)

    def multiply(pair, at, accs):
        a, w = at
        accs = list(accs)
        _ask_ahead(e, rows, w, 2 * tier.NR * pair, 2 * tier.NR)
        starts = [2 * tier.NR * pair + 2 * lanes * j for j in range(vectors)]
        ws = [b.sext(e.load(narrow, w, start), wide) for start in starts]
        for r in range(rows):
            dword = e.load(i32, a, 32 * r + 4 * pair)
            broadcast = b.bitcast(e.splat(dword, lanes), wide)
            for j in range(vectors):
                k = (pair % apart * rows + r) * vectors + j
                accs[k] = e.dot(accs[k], broadcast, ws[j])
        return accs

    pairs = b.lshr(b.add(v["K"], i64(1)), i64(1))
    cursors = (v["a"], 32 * rows), (e.pointer(v["panel"], 4 * tier.NR), 16 * tier.NR)
    return _joined(e, e.steps(pairs, 8, cursors, [zero] * (apart * n), multiply), n)


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
        _ask_ahead(e, rows, w_at, 0, 16 * tier.NR)
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

    turns = b.lshr(b.add(v["K"], i64(15)), i64(4))
    return _joined(e, e.loop(turns, starts, turn), n)


def _ask_ahead(e, rows, weights, first, count):
    """Ask for weights AHEAD of those from byte ``first`` on, ``count`` of them.

    Few rows are bound by the weights they read. Panels follow one another, but the
    CPU's own prefetcher stops where a page ends.
    """
    if rows <= FEW:
        for at in range(-(-first // LINE) * LINE, first + count, LINE):
            e.prefetch(weights, at + AHEAD)


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


def finish(e, rows, half, accs, v):
    """R14 on registers: scale, fma, flush, clamp; store accumulators and outputs."""
    b = e.b
    done = b.append_basic_block("finished")
    careful = b.append_basic_block("finish.careful")
    switch = b.switch(v["form"], careful)
    for form in (PLAIN, BOUNDED):
        block = b.append_basic_block(f"finish.{form}")
        switch.add_case(i64(form), block)
        b.position_at_end(block)
        _store_outputs(e, rows, half, _plain(e, rows, accs, v, form), v)
        b.branch(done)
    b.position_at_end(careful)
    with b.if_then(b.icmp_signed("!=", v["acc"], i64(0)), likely=False):
        store_rows(e, rows, accs, v["acc"], v["acc_stride"], v["columns"])
    _store_outputs(e, rows, half, _careful(e, rows, accs, v), v)
    b.branch(done)
    b.position_at_end(done)


def _plain(e, rows, accs, v, form):
    """Outputs that R2 cannot flush."""
    weight_scale, bias = _channels(e, v["tail"])
    t = _scaled(e, range(rows), accs, v)
    triples = zip(t, weight_scale * rows, bias * rows, strict=True)
    ys = [e.fma(*triple) for triple in triples]
    if form == BOUNDED:
        lo, hi = (e.splat(v[name], e.tier.lanes) for name in ("lo", "hi"))
        ys = [clamp_plain(e, y, lo, hi) for y in ys]
    return ys


def _careful(e, rows, accs, v):
    """Any outputs, flushed by R2."""
    vectors = e.tier.NR // e.tier.lanes
    together = max(1, FLUSHED_TOGETHER // vectors)
    weight_scale, bias = _channels(e, v["tail"])
    lo, hi = (e.splat(v[name], e.tier.lanes) for name in ("lo", "hi"))
    ys = []
    for first in range(0, rows, together):
        some = range(first, min(first + together, rows))
        t = _scaled(e, some, accs[first * vectors :], v)
        ys += e.fma_flushed(t, weight_scale * len(some), bias * len(some))
    return [e.clamp(y, lo, hi) for y in ys]


def _scaled(e, rows, accs, v):
    """Accumulators of the rows, from the first of ``accs`` on, times their scales."""
    b, lanes, vectors = e.b, e.tier.lanes, e.tier.NR // e.tier.lanes
    real, t = ir_vector(f32, lanes), []
    for n, r in enumerate(rows):
        at = e.pointer(v["scale"], b.mul(v["row_step"], i64(r)))
        scale = e.splat(e.load(f32, at), lanes)
        some = accs[n * vectors : (n + 1) * vectors]
        t += [b.fmul(b.sitofp(acc, real), scale) for acc in some]
    return t


def _channels(e, tail):
    """weight_scale and bias of a panel's columns, as vectors."""
    lanes, NR = e.tier.lanes, e.tier.NR
    real, steps = ir_vector(f32, lanes), range(0, 4 * NR, 4 * lanes)
    weight_scale = [e.load(real, tail, at) for at in steps]
    return weight_scale, [e.load(real, tail, 4 * NR + at) for at in steps]


def _store_outputs(e, rows, half, ys, v):
    """Store outputs, rounded to float16 if that is their type."""
    if half:
        ys = [e.narrow(y) for y in ys]
    store_rows(e, rows, ys, v["out"], v["out_stride"], v["columns"])


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
