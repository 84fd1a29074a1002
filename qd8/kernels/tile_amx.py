"""AMX: 32 rows by 32 columns in four tile registers, 16 384 products an instruction.

    tmm0 tmm1   rows 0-15          tmm4: activations of rows 0-15,  16 x 64 uint8
    tmm2 tmm3   rows 16-31         tmm5: activations of rows 16-31
    columns 0-15 | 16-31           tmm6, tmm7: weights, 16 quads of k x 16 columns

A panel of NR 32 is [K/4][32][4] int8, so a weight tile is 16 rows of 64 bytes, 128
bytes apart, and needs no layout of its own. ``tdpbusd`` multiplies uint8 by int8 and
adds modulo 2^32: exact. The accumulators go through a scratch of 4 KiB, the
``corner``, to the epilogue (tile_amx_outputs.py).

Accumulators are not zeroed but loaded, every row the same: on Sapphire Rapids the
four ``tilezero`` make a tile wait 150 cycles, and where all rows share a zero point
the load brings ksum * (zero_point + 128) with it for nothing. These starts must be
in L1 already: a tile load waits for a fresh store to leave the store buffer, behind
all outputs before it.
"""

from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import cgutils, emitter, i8, i32, i64, ir, ir_vector, void

_POINTER = i8.as_pointer()


def _amx(e, name, *args):
    """Call an AMX intrinsic; small ints are immediate tile numbers.

    Nothing on other tiers: they compile what they never reach, and without the feature
    LLVM would end the process if it did not remove it in time.
    """
    if e.tier.tile != "amx":
        return
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
def place_starts(typingctx, tier, to, panel, zero_point):
    """Write ksum * (zero_point + 128) of a panel's columns, for ``tile_product``."""

    def codegen(context, builder, signature, args):
        e, b = emitter(builder, tier), builder
        to, panel, zero_point = args[1:]
        type_ = ir_vector(i32, e.tier.lanes)
        point = e.splat(b.add(e.load(i32, zero_point), i32(128)), e.tier.lanes)
        for at in range(0, 4 * e.tier.NR, 4 * e.tier.lanes):
            e.store(b.mul(e.load(type_, panel, at), point), e.pointer(to, at))
        return context.get_dummy_value()

    return types.none(tier, *[types.int64] * 3), codegen


@intrinsic(prefer_literal=True)
def tile_product(
    typingctx, tier, placed, high, wide, corner, starts, a, a_high, a_step, places,
    blocks, panel,
):  # fmt: skip
    """Accumulators of a tile, from their starts, to the corner: (32, 32) int32.

    high: 1 for 32 rows, 0 for 16. wide: 1 for 32 columns, 0 for 16. starts: 32 int32,
    one a column, that nobody wrote a moment ago (see above). a, a_high: rows 0 to 15
    and 16 to 31 of uint8, ``a_step`` bytes from row to row; all of them must be
    readable, what surplus ones hold does not matter. blocks: K in units of 64, one
    after the other in a row, or, where ``placed`` is 1, the int64 at ``places`` on.
    """
    rows, columns = 1 + high.literal_value, 1 + wide.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        _multiply(e, placed.literal_value, rows, columns, *args[4:])
        return context.get_dummy_value()

    return types.none(tier, placed, high, wide, *[types.int64] * 8), codegen


def _multiply(
    e, placed, rows, columns, corner, starts, a, a_high, a_step, places, blocks, panel
):
    """All of K. Registers for the next 64 k are loaded as soon as they are free.

    Sixteen tile registers stand behind the eight: with all loads before the products
    they wait for those of 64 k before, and a step takes 85 cycles instead of 65.
    """
    b, NR = e.b, e.tier.NR
    sources = {4: a, 5: a_high}
    weights = e.pointer(panel, 4 * NR)
    accs = [2 * r + c for r in range(rows) for c in range(columns)]

    def load(tile, index):
        if tile in sources:
            k = b.mul(index, i64(8 if placed else 64))
            if placed:
                k = e.load(i64, places, k)
            at = e.pointer(e.pointer(sources[tile]), k)
            _amx(e, "tileloadd64", tile, at, a_step)
        else:
            at = e.pointer(weights, b.mul(index, i64(64 * NR)))
            _amx(e, "tileloadd64", tile, e.pointer(at, 64 * (tile - 6)), i64(4 * NR))

    def multiply(following=None):
        # Acc, rows, columns, in the order of a snake; then what is free for loads.
        for acc, r, c, free in (
            (0, 4, 6, ()), (1, 4, 7, (4,)), (3, 5, 7, (7,)), (2, 5, 6, (5, 6)),
        ):  # fmt: skip
            if acc in accs:
                _amx(e, "tdpbusd", acc, r, c)
            for tile in free:
                used = tile - 4 < rows if tile < 6 else tile - 6 < columns
                if used and following is not None:
                    load(tile, following)

    for tile in (4, 6, 7, 5):
        if tile - 4 < rows if tile < 6 else tile - 6 < columns:
            load(tile, i64(0))
    for acc in accs:
        _amx(e, "tileloadd64", acc, e.pointer(starts, 64 * (acc % 2)), i64(0))

    def turn(index, carried):
        multiply(b.add(index, i64(1)))
        return []

    e.loop(b.sub(blocks, i64(1)), [], turn)
    multiply()
    for acc in accs:
        at = e.pointer(corner, 128 * 16 * (acc // 2) + 64 * (acc % 2))
        _amx(e, "tilestored64", acc, at, i64(128))
