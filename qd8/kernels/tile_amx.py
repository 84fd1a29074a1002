"""AMX: 32 rows by 32 columns in four tile registers, 16 384 products an instruction.

    tmm0 tmm1   rows 0-15          tmm4: activations of rows 0-15,  16 x 64 uint8
    tmm2 tmm3   rows 16-31         tmm5: activations of rows 16-31
    columns 0-15 | 16-31           tmm6, tmm7: weights, 16 quads of k x 16 columns

A panel of NR 32 is [K/4][32][4] int8, so a weight tile is 16 rows of 64 bytes, 128
bytes apart, and needs no layout of its own. ``tdpbusd`` multiplies uint8 by int8 and
adds modulo 2^32: exact. The accumulators go through a scratch of 4 KiB to the
epilogue, which is the one of tile.py.
"""

from math import inf

from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import cgutils, emitter, f32, i8, i32, i64, ir, ir_vector, void
from qd8.kernels.tile import NAMES, argument_types, outputs
from qd8.kernels.vector import F16

SCRATCH = 32 * 32 * 4
_POINTER = i8.as_pointer()


def _amx(e, name, *args):
    """Call an AMX intrinsic; small ints are immediate tile numbers."""
    values = [i8(a) if isinstance(a, int) else a for a in args]
    type_ = ir.FunctionType(void, [value.type for value in values])
    e.b.call(
        cgutils.get_or_insert_function(e.b.module, type_, "llvm.x86." + name), values
    )


@intrinsic(prefer_literal=True)
def configure(typingctx, tier):
    """Give the eight tile registers of this thread 16 rows of 64 bytes."""

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        config = ir.Constant(
            ir.ArrayType(i8, 64),
            [1] + [0] * 15 + [64, 0] * 8 + [0] * 16 + [16] * 8 + [0] * 8,
        )
        place = cgutils.alloca_once(builder, config.type)
        builder.store(config, place)
        _amx(e, "ldtilecfg", builder.bitcast(place, _POINTER))
        return context.get_dummy_value()

    return types.none(tier), codegen


@intrinsic(prefer_literal=True)
def release(typingctx, tier):
    """Return the tile registers to their initial state (cheap context switches)."""

    def codegen(context, builder, signature, args):
        _amx(emitter(builder, tier), "tilerelease")
        return context.get_dummy_value()

    return types.none(tier), codegen


@intrinsic(prefer_literal=True)
def tile_registers(
    typingctx, tier, mr, out_kind, rows, scratch, a, a_stride, blocks, panel, scale,
    zero_point, row_step, out, out_stride, columns, lo, hi, acc, acc_stride,
):  # fmt: skip
    """A tile of up to ``mr`` (16 or 32) rows, of which ``rows`` are stored.

    Other arguments as :func:`qd8.kernels.tile.register_tile`. ``a`` must have ``mr``
    readable rows; what the surplus rows hold does not matter.
    """
    high, half = mr.literal_value == 32, out_kind.literal_value == F16

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        rows, scratch = args[3], e.pointer(args[4])
        v = dict(zip(NAMES, args[5:], strict=True))
        _multiply(e, high, scratch, v)
        _epilogue(e, half, rows, scratch, v)
        return context.get_dummy_value()

    arguments = (tier, mr, out_kind, types.int64, types.int64, *argument_types())
    return types.none(*arguments), codegen


def _multiply(e, high, scratch, v):
    b, NR = e.b, e.tier.NR
    accs = (0, 1, 2, 3) if high else (0, 1)
    for t in accs:
        _amx(e, "tilezero", t)
    a, w = e.pointer(v["a"]), e.pointer(v["panel"], 4 * NR)
    a_high = e.pointer(a, b.mul(v["a_stride"], i64(16)))

    def turn(index, carried):
        k = b.mul(index, i64(64))
        w_at = e.pointer(w, b.mul(index, i64(64 * NR)))
        _amx(e, "tileloadd64", 6, w_at, i64(4 * NR))
        _amx(e, "tileloadd64", 4, e.pointer(a, k), v["a_stride"])
        _amx(e, "tdpbusd", 0, 4, 6)
        _amx(e, "tileloadd64", 7, e.pointer(w_at, 64), i64(4 * NR))
        _amx(e, "tdpbusd", 1, 4, 7)
        if high:
            _amx(e, "tileloadd64", 5, e.pointer(a_high, k), v["a_stride"])
            _amx(e, "tdpbusd", 2, 5, 6)
            _amx(e, "tdpbusd", 3, 5, 7)
        return []

    e.loop(v["blocks"], [], turn)
    for t in accs:
        corner = e.pointer(scratch, 128 * 16 * (t // 2) + 64 * (t % 2))
        _amx(e, "tilestored64", t, corner, i64(128))


def _epilogue(e, half, rows, scratch, v):
    """R14 for each row, in four forms: whatever does not change by row is hoisted.

    Bit 0: rows share scale and zero point (an image's). Bit 1: there is no clamp.
    """
    b = e.b
    free = [b.fcmp_ordered("==", v[n], f32(x)) for n, x in (("lo", -inf), ("hi", inf))]
    form = b.or_(
        b.zext(b.icmp_signed("==", v["row_step"], i64(0)), i64),
        b.shl(b.zext(b.and_(*free), i64), i64(1)),
    )
    done = b.append_basic_block("rows.done")
    switch = b.switch(form, done)
    for n in range(4):
        block = b.append_basic_block(f"rows.{n}")
        switch.add_case(i64(n), block)
        b.position_at_end(block)
        _rows(e, half, rows, scratch, v, shared=bool(n & 1), clamped=not n & 2)
        b.branch(done)
    b.position_at_end(done)


def _rows(e, half, rows, scratch, v, *, shared, clamped):
    b, NR, lanes = e.b, e.tier.NR, e.tier.lanes
    weights_end = b.mul(v["blocks"], i64(e.tier.KB * NR))
    tail = e.pointer(v["panel"], b.add(weights_end, i64(4 * NR)))
    type_ = ir_vector(i32, lanes)
    ksum = [e.load(type_, v["panel"], 4 * lanes * j) for j in range(2)]
    masks = [e.mask(lanes, b.sub(v["columns"], i64(lanes * j))) for j in range(2)]
    wanted = b.icmp_signed("!=", v["acc"], i64(0))

    def constants(step):
        """The row's scale, and ksum * (zero_point + 128), in every lane."""
        point = e.load(i32, e.pointer(v["zero_point"], step))
        point = e.splat(b.add(point, i32(128)), lanes)
        scale = e.splat(e.load(f32, e.pointer(v["scale"], step)), lanes)
        return scale, [b.mul(k, point) for k in ksum]

    common = constants(i64(0)) if shared else None

    def row(index, carried):
        at = e.pointer(scratch, b.mul(index, i64(4 * NR)))
        scale, starts = common or constants(b.mul(index, v["row_step"]))
        accs = [b.add(e.load(type_, at, 4 * lanes * j), starts[j]) for j in range(2)]
        with b.if_then(wanted, likely=False):
            _store(e, accs, v["acc"], b.mul(index, v["acc_stride"]), masks)
        ys = outputs(e, accs, scale, tail, v, clamped)
        if half:
            ys = [e.narrow(y) for y in ys]
        _store(e, ys, v["out"], b.mul(index, v["out_stride"]), masks)
        return []

    e.loop(rows, [], row)


def _store(e, values, address, offset, masks):
    at = e.pointer(address, offset)
    for j, (value, mask) in enumerate(zip(values, masks, strict=True)):
        bytes_ = getattr(value.type.element, "width", 32) // 8
        e.store_masked(value, e.pointer(at, bytes_ * e.tier.lanes * j), mask)
