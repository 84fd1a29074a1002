"""The register tile of attention: a block of queries lies along the lanes.

Scores are made transposed. A row of a block's scores belongs to one key and holds
all the block's queries side by side::

                    columns[k] ->  c0        c1        queries, or their weights
    x[k, 0], broadcast ->          acc00     acc01
    x[k, 1], broadcast ->          acc10     acc11     one FMA chain per output
    ...

So the softmax of a query runs down one lane: its maximum, its sixteen partial sums
(R22) and their tree need no operation across lanes. And one tile makes both products:
x is a panel of keys against the queries, then the values against the weights, whose
outputs, as many as a head is wide, are rows and so never leave lanes empty.

Each accumulator meets k in ascending order (R39).
"""

from qd8.kernels import isa
from qd8.kernels.float_tile import TILES
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter, f32, i64, ir_vector
from qd8.kernels.vector import F16, LANES

# Bytes of keys or values that are asked for before they are used: each line of them
# meets a tile once.
AHEAD = 1024


def block_width(tier: isa.Tier) -> int:
    """Queries of a block: the columns of a tile, in whole vectors of sixteen."""
    return max(LANES, TILES[tier.name].NR)


def _products(e, shape, rows, first, x, x_step, K, columns, step):
    """The accumulators of ``rows`` rows: ``first`` and then, k ascending, added
    x[k, r] * columns[k, j]."""
    vectors = shape.NR // shape.lanes
    vector = ir_vector(f32, shape.lanes)

    def body(index, carried):
        left, right, *acc = carried
        e.prefetch(left, AHEAD)
        c = [e.load(vector, right, 4 * shape.lanes * j) for j in range(vectors)]
        for r in range(rows):
            a = e.splat(e.load(f32, left, 4 * r), shape.lanes)
            for j in range(vectors):
                n = r * vectors + j
                acc[n] = e.fma(a, c[j], acc[n])
        return [e.b.gep(left, [x_step]), e.b.gep(right, [step]), *acc]

    return e.loop(K, [e.pointer(x), e.pointer(columns), *first], body)[2:]


def _each_height(builder, tier, rows, products, begin, finish):
    """A tile of each height, behind one switch on the number of rows.

    ``begin(e, shape, rows)`` makes the accumulators, ``finish(e, shape, acc)`` does
    what the products are for; acc[r] are row r's.
    """
    e, shape = emitter(builder, tier), TILES[isa.TIERS[tier.literal_value].name]
    vectors = shape.NR // shape.lanes
    end = builder.append_basic_block("tile.end")
    switch = builder.switch(rows, end)
    for height in shape.heights:
        block = builder.append_basic_block(f"tile.{height}")
        switch.add_case(i64(height), block)
        builder.position_at_end(block)
        first = begin(e, shape, height)
        acc = _products(e, shape, height, first, *products)
        pairs = range(0, height * vectors, vectors)
        finish(e, shape, [acc[n : n + vectors] for n in pairs])
        builder.branch(end)
    builder.position_at_end(end)


def _products_types():
    """Of rows, x, x_step, K, columns and step."""
    return (types.int64,) * 6


@intrinsic(prefer_literal=True)
def score_tile(
    typingctx, tier, kind, rows, x, x_step, K, columns, step, out, scale, highest
):
    """out[r, j] = scale * sum over k of x[k, r] * columns[k, j]; its largest beside.

    Parameters
    ----------
    tier, kind : literal int
        With kind F16 the sum and the product are tensors of float16 in the unfused
        graph, and are rounded there (R4).
    rows : int64
        One of the tier's heights.
    x, x_step, K : int64
        Address of (K, rows) float32, bytes from one k to the next, and how many.
    columns, step : int64
        Address of (K, NR) float32, and bytes from one k to the next, here and in
        ``out``.
    out : int64
        Address of (rows, NR) float32.
    scale : float32
    highest : int64
        Address of (NR,) float32: the largest of a column so far. A NaN may be lost
        and the sign of a zero is any: neither changes a softmax (attention.py).
    """
    half = kind.literal_value == F16

    def codegen(context, builder, signature, args):
        out, scale, highest = args[8:]

        def begin(e, shape, rows):
            zero = e.const(ir_vector(f32, shape.lanes), 0.0)
            return [zero] * (rows * shape.NR // shape.lanes)

        def finish(e, shape, acc):
            factor = e.splat(scale, shape.lanes)
            top = [
                e.load(factor.type, highest, 4 * shape.lanes * j)
                for j in range(len(acc[0]))
            ]
            at = e.pointer(out)
            for row in acc:
                for j, y in enumerate(row):
                    y = e.widen(e.narrow(y)) if half else y
                    y = builder.fmul(y, factor)
                    y = e.widen(e.narrow(y)) if half else y
                    e.store(y, at, 4 * shape.lanes * j)
                    above = builder.fcmp_ordered(">", y, top[j])
                    top[j] = builder.select(above, y, top[j])
                at = builder.gep(at, [args[7]])
            for j, y in enumerate(top):
                e.store(y, highest, 4 * shape.lanes * j)

        _each_height(builder, tier, args[2], args[3:8], begin, finish)
        return context.get_dummy_value()

    arguments = (
        tier,
        kind,
        *_products_types(),
        types.int64,
        types.float32,
        types.int64,
    )
    return types.none(*arguments), codegen


@intrinsic(prefer_literal=True)
def value_tile(typingctx, tier, rows, x, x_step, K, columns, step, out):
    """Add to out[r, j] the products x[k, r] * columns[k, j]; operands as above.

    Their sum may so be continued over any pieces of k, in one chain.
    """

    def codegen(context, builder, signature, args):
        out, step = args[7], args[6]

        def places(e, shape, rows):
            at = e.pointer(out)
            for _ in range(rows):
                for j in range(shape.NR // shape.lanes):
                    yield at, 4 * shape.lanes * j
                at = builder.gep(at, [step])

        def begin(e, shape, rows):
            vector = ir_vector(f32, shape.lanes)
            return [e.load(vector, *place) for place in places(e, shape, rows)]

        def finish(e, shape, acc):
            values = [y for row in acc for y in row]
            for y, place in zip(values, places(e, shape, len(acc)), strict=True):
                e.store(y, *place)

        _each_height(builder, tier, args[1], args[2:7], begin, finish)
        return context.get_dummy_value()

    return types.none(tier, *_products_types(), types.int64), codegen
