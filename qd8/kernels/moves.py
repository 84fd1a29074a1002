"""Moving elements as bits: runs of bytes, strided items, and 8 x 8 transposes.

These know widths and no numbers, use portable vectors only, and so have the same
code on every tier. Addresses and strides are int64, in bytes; the two arrays never
overlap.
"""

from qd8.kernels import isa
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import Emitter, i8, i64, ir, ir_vector

SIDE = 8  # of a transposed tile
ITEMS = (1, 2, 4, 8)  # widths that are one load and one store
WIDTHS = {1: i8, 2: ir.IntType(16), 4: ir.IntType(32), 8: i64}


def _emitter(builder) -> Emitter:
    return Emitter(builder, isa.TIERS[0])


def _copy_bytes(e: Emitter, to, source, count):
    pointer = i8.as_pointer()
    function = e.b.module.declare_intrinsic("llvm.memcpy", [pointer, pointer, i64])
    e.b.call(function, [e.pointer(to), e.pointer(source), count, ir.IntType(1)(0)])


def _for_width(e: Emitter, item, widths, body, otherwise=None):
    """Branch once on the width of an item, outside every loop."""
    build = e.b
    end = build.append_basic_block("end")
    other = build.append_basic_block("other")
    switch = build.switch(item, other)
    for width in widths:
        block = build.append_basic_block(f"width.{width}")
        switch.add_case(i64(width), block)
        build.position_at_end(block)
        body(WIDTHS[width])
        build.branch(end)
    build.position_at_end(other)
    if otherwise is not None:
        otherwise()
    build.branch(end)
    build.position_at_end(end)


@intrinsic
def copy_bytes(typingctx, to, source, count):
    """Copy ``count`` bytes."""

    def codegen(context, builder, signature, args):
        _copy_bytes(_emitter(builder), *args)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 3), codegen


@intrinsic
def copy_items(typingctx, to, source, count, to_step, from_step, item):
    """Copy ``count`` items of ``item`` bytes, ``to_step`` and ``from_step`` apart.

    A ``from_step`` of 0 repeats one item.
    """

    def codegen(context, builder, signature, args):
        e = _emitter(builder)
        to, source, count, to_step, from_step, item = args

        def one(type_):
            def body(index, carried):
                value = e.load(type_, source, builder.mul(index, from_step))
                e.store(value, to, builder.mul(index, to_step))
                return carried

            e.loop(count, [], body)

        def many():
            def body(index, carried):
                at = builder.add(to, builder.mul(index, to_step))
                _copy_bytes(
                    e, at, builder.add(source, builder.mul(index, from_step)), item
                )
                return carried

            e.loop(count, [], body)

        def width(type_):
            # A repeated item is loaded once and its places lie together: LLVM makes
            # vectors of that loop only if both are plain to see.
            size = i64(type_.width // 8)
            still = builder.icmp_signed("==", from_step, i64(0))
            dense = builder.icmp_signed("==", to_step, size)
            with builder.if_else(builder.and_(still, dense)) as (yes, no):
                with yes:
                    value = e.load(type_, source)

                    def body(index, carried):
                        e.store(value, to, builder.mul(index, size))
                        return carried

                    e.loop(count, [], body)
                with no:
                    one(type_)

        _for_width(e, item, ITEMS, width, many)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 6), codegen


@intrinsic
def transpose_tile(typingctx, to, source, to_step, from_step, item):
    """Write the transpose of 8 x 8 items: rows ``from_step`` apart become columns.

    ``item`` is 1, 2, 4 or 8 bytes; rows of ``to`` are ``to_step`` apart.
    """

    def codegen(context, builder, signature, args):
        e = _emitter(builder)
        to, source, to_step, from_step, item = args

        def body(type_):
            vector = ir_vector(type_, SIDE)
            rows = [
                e.load(vector, source, builder.mul(from_step, i64(row)))
                for row in range(SIDE)
            ]
            for row, value in enumerate(transposed(e, rows)):
                e.store(value, to, builder.mul(to_step, i64(row)))

        _for_width(e, item, ITEMS, body)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 5), codegen


def transposed(e: Emitter, rows: list[ir.Value]) -> list[ir.Value]:
    """The transpose of as many vectors as each has lanes, a power of two.

    Rows i and i + half are interleaved; after log2(lanes) such rounds element
    (r, c) has come to (c, r).
    """
    lanes = len(rows)
    i32 = ir.IntType(32)
    low = [lane // 2 + lane % 2 * lanes for lane in range(lanes)]
    high = [lane + lanes // 2 for lane in low]
    masks = [ir.Constant(ir_vector(i32, lanes), picks) for picks in (low, high)]
    half = lanes // 2
    distance = 1
    while distance < lanes:
        rows = [
            e.b.shuffle_vector(rows[i // 2], rows[i // 2 + half], masks[i % 2])
            for i in range(lanes)
        ]
        distance *= 2
    return rows
