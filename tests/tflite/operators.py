"""Small files of the operators that move, choose and count, a family each."""

import numpy as np

from .net import Net
from .small import int8, normal, scales
from .write import T


def movement() -> bytes:
    """Axes in another order, parts, boxes, blocks, copies side by side."""
    net = Net()
    x = net.input(2, 4, 6, 4)
    y = net.add("TRANSPOSE", [x, [0, 2, 1, 3]], (2, 6, 4, 4))
    left, right = net.several(
        "SPLIT", [np.int32(-1), y], [(2, 6, 4, 2)] * 2, NumSplits=2
    )
    y = net.add("PACK", [right, left], (2, 6, 4, 2, 2), Axis=3, ValuesCount=2)
    first, second = net.several("UNPACK", [y], [(2, 4, 2, 2)] * 6, Num=6, Axis=1)[:2]
    a, b, c = net.several(
        "SPLIT_V",
        [x, [1, -1, 2], np.int32(1)],
        [(2, 1, 6, 4), (2, 1, 6, 4), (2, 2, 6, 4)],
        NumSplits=3,
    )
    c = net.add("SLICE", [c, [0, 1, 2, 0], [2, 1, -1, 4]], (2, 1, 4, 4))
    masks = {"EndMask": 1, "BeginMask": 1, "EllipsisMask": 2, "NewAxisMask": 4}
    c = net.add(
        "STRIDED_SLICE",
        [c, [0, 0, 0, -1], [0, 0, 0, 0], [1, 1, 1, -2]],
        (2, 1, 4, 1, 2),
        **masks,
    )
    c = net.add("EXPAND_DIMS", [c, np.int32(0)], (1, 2, 1, 4, 1, 2))
    c = net.add("SQUEEZE", [c], (2, 1, 4, 2), SqueezeDims=[0, 4])
    c = net.add("TILE", [c, [1, 4, 1, 2]], (2, 4, 4, 4))
    a = net.add("BROADCAST_TO", [a, [2, 4, 6, 4]], (2, 4, 6, 4))
    block = [[0, 0], [2, 0]]
    a = net.add("SPACE_TO_BATCH_ND", [a, [2, 2], block], (8, 2, 4, 4))
    crops = [[1, 0], [0, 2]]
    a = net.add("BATCH_TO_SPACE_ND", [a, [2, 2], crops], (2, 3, 6, 4))
    b = net.add("SPACE_TO_DEPTH", [x], (2, 2, 3, 16), BlockSize=2)
    d = net.add("DEPTH_TO_SPACE", [x], (2, 8, 12, 1), BlockSize=2)
    e = net.add("STRIDED_SLICE", [x, [1, 3], [0, 0], [1, -2]], (2, 6, 4), **SHRINK)
    return net.finish(first, second, a, b, c, d, e)


SHRINK = {"ShrinkAxisMask": 1, "EndMask": 2}


def tables() -> bytes:
    """Rows of float and int8 tables, in several shapes; ONE_HOT; int64 indices."""
    net = Net()
    ids = net.input(2, 3, dtype="INT32")
    long = net.input(4, dtype="INT64")
    table = net.tensor(T((4, 5), "INT8", int8(4, 5), [0.02]))
    by_row = net.tensor(T((4, 6), "INT8", int8(4, 6, seed=1), scales(4)))
    rows = T((2, 3, 5), "INT8", scale=[0.02])
    a = net.add("GATHER", [table, ids], (2, 3, 5), "INT8", Axis=0)
    net.tensors[a] = rows  # int8 until a DEQUANTIZE, as converters leave them
    a = net.add("DEQUANTIZE", [a], (2, 3, 5))
    b = net.add("EMBEDDING_LOOKUP", [net.input(5, dtype="INT32"), by_row], (5, 6))
    c = net.add("GATHER", [normal(2, 7, 3), ids], (2, 3, 3), Axis=1, BatchDims=1)
    d = net.add("GATHER", [normal(3, 6), long], (3, 4), Axis=-1)
    one_hot = [ids, np.int32(4), np.float32(2.5), np.float32(-1)]
    e = net.add("ONE_HOT", one_hot, (2, 4, 3), Axis=1)
    return net.finish(a, b, c, d, e)


def arithmetic_on_shapes() -> bytes:
    """What a converter writes for ``reshape(x, (batch, -1, channels))``."""
    net = Net()
    x = net.input(2, 3, 4, shape_signature=(-1, 3, 4))
    shape = net.add("SHAPE", [x], (3,), "INT32", OutType=2)
    batch = net.add(
        "STRIDED_SLICE", [shape, [0], [1], [1]], (), "INT32", ShrinkAxisMask=1
    )
    wanted = net.add("PACK", [batch, np.int32(12)], (2,), "INT32", ValuesCount=2)
    y = net.add("RESHAPE", [x, wanted], (2, 12))
    net.tensors[y].shape_signature = (-1, 12)
    ones = net.add("FILL", [wanted, np.float32(0.5)], (2, 12))
    net.tensors[ones].shape_signature = (-1, 12)
    steps = net.add("RANGE", [np.float32(0), np.float32(6), np.float32(0.5)], (12,))
    y = net.add("ADD", [y, ones], (2, 12))
    net.tensors[y].shape_signature = (-1, 12)
    y = net.add("MUL", [y, steps], (2, 12))
    net.tensors[y].shape_signature = (-1, 12)
    return net.finish(y, steps)


def arithmetic() -> bytes:
    """Every operator of one element from one or two, broadcast in all ways."""
    net = Net()
    x, row = net.input(2, 5, 7), net.input(7)
    column = normal(5, 1, seed=2)
    y = net.add("TANH", [x], (2, 5, 7))
    y = net.add("DIV", [y, column], (2, 5, 7), FusedActivationFunction=2)
    y = net.add("MAXIMUM", [y, row], (2, 5, 7))
    y = net.add("SQUARED_DIFFERENCE", [column, y], (2, 5, 7))
    y = net.add("MINIMUM", [y, np.float32(2.5)], (2, 5, 7))
    y = net.add("ADD", [y, np.float32(0.25)], (2, 5, 7))
    z = net.add("SQRT", [y], (2, 5, 7))
    z = net.add("POW", [z, row], (2, 5, 7))
    z = net.add("PRELU", [net.add("NEG", [z], (2, 5, 7)), normal(7)], (2, 5, 7))
    a = net.add("SQUARE", [net.add("RSQRT", [y], (2, 5, 7))], (2, 5, 7))
    b = net.add("ABS", [net.add("ELU", [x], (2, 5, 7))], (2, 5, 7))
    b = net.add("EXP", [net.add("FLOOR", [b], (2, 5, 7))], (2, 5, 7))
    c = net.add("GELU", [x], (2, 5, 7))
    d = net.add("GELU", [x], (2, 5, 7), Approximate=True)
    e = net.add("LEAKY_RELU", [x], (2, 5, 7), Alpha=0.125)
    f = net.add("HARD_SWISH", [x], (2, 5, 7))
    g = net.add("RELU_N1_TO_1", [x], (2, 5, 7))
    return net.finish(z, a, b, c, d, e, f, g)


def reductions() -> bytes:
    """Sums, largest elements and where they are, over first, last and inner axes."""
    net = Net()
    x, count = net.input(2, 5, 3, 17), net.input(3, 4, dtype="INT32")
    a = net.add("SUM", [x, [1, 3]], (2, 1, 3, 1), KeepDims=True)
    b = net.add("SUM", [x, [0]], (5, 3, 17))
    c = net.add("REDUCE_MAX", [x, [-1, -2]], (2, 5))
    d = net.add("MEAN", [x, [1, 2]], (2, 1, 1, 17), KeepDims=True)
    e = net.add("ARG_MAX", [x, np.int32(-1)], (2, 5, 3), "INT64", OutputType=4)
    f = net.add("ARG_MAX", [x, np.int32(1)], (2, 3, 17), "INT32", OutputType=2)
    g = net.add("CUMSUM", [x, np.int32(3)], (2, 5, 3, 17))
    h = net.add("CUMSUM", [g, np.int32(1)], (2, 5, 3, 17), Exclusive=True, Reverse=True)
    i = net.add("SUM", [count, [0]], (4,), "INT32")
    j = net.add("REDUCE_MAX", [count, [1]], (3,), "INT32")
    k = net.add("CUMSUM", [count, np.int32(1)], (3, 4), "INT32")
    return net.finish(a, b, c, d, e, f, h, i, j, k)


def masks() -> bytes:
    """Integers and truth values: a causal mask over positions, and what it selects."""
    net = Net()
    x, y = net.input(2, 4, 4), net.input(2, 4, 4)
    n = net.input(4, dtype="INT32")
    long = net.input(4, dtype="INT64")
    keep = net.input(4, dtype="BOOL")
    column = net.add("EXPAND_DIMS", [n, np.int32(1)], (4, 1), "INT32")
    before = net.add("LESS_EQUAL", [column, n], (4, 4), "BOOL")
    other = net.add("GREATER", [x, y], (2, 4, 4), "BOOL")
    mask = net.add("LOGICAL_AND", [before, other], (2, 4, 4), "BOOL")
    mask = net.add("LOGICAL_OR", [mask, keep], (2, 4, 4), "BOOL")
    flipped = net.add("LOGICAL_NOT", [mask], (2, 4, 4), "BOOL")
    a = net.add("SELECT_V2", [mask, x, np.float32(-1e4)], (2, 4, 4))
    b = net.add("SELECT_V2", [flipped, y, x], (2, 4, 4))
    rows = net.add("LESS", [long, net.constant(1, "INT64")], (4,), "BOOL")
    small, large = normal(4, 3), normal(4, 3, seed=1)
    c = net.add("SELECT", [rows, small, large], (4, 3))
    equal = net.add("EQUAL", [n, np.int32(1)], (4,), "BOOL")
    unequal = net.add("NOT_EQUAL", [keep, equal], (4,), "BOOL")
    d = net.add("CAST", [unequal], (4,), InDataType=6, OutDataType=0)
    e = net.add("CAST", [x], (2, 4, 4), "INT32", InDataType=0, OutDataType=2)
    e = net.add("MUL", [e, n], (2, 4, 4), "INT32")
    e = net.add("SUB", [e, np.int32(7)], (2, 4, 4), "INT32")
    e = net.add("DIV", [e, np.int32(2)], (2, 4, 4), "INT32")
    f = net.add("CAST", [n], (4,), "INT64", InDataType=2, OutDataType=4)
    f = net.add("ADD", [f, long], (4,), "INT64")
    g = net.add("GREATER_EQUAL", [x, y], (2, 4, 4), "BOOL")
    h = net.add("NEG", [net.add("ABS", [n], (4,), "INT32")], (4,), "INT32")
    return net.finish(a, b, c, d, e, f, g, h)


def attention() -> bytes:
    """Two heads over five positions, normalized; keys transposed or not; a mask."""
    net = Net()
    x = net.input(2, 5, 16)
    mean = net.add("MEAN", [x, [2]], (2, 5, 1), KeepDims=True)
    spread = net.add("SQUARED_DIFFERENCE", [x, mean], (2, 5, 16))
    spread = net.add("MEAN", [spread, [2]], (2, 5, 1), KeepDims=True)
    y = net.add("SUB", [x, mean], (2, 5, 16))
    y = net.add("MUL", [y, net.add("RSQRT", [spread], (2, 5, 1))], (2, 5, 16))
    y = net.add("RESHAPE", [y, [2, 5, 2, 8]], (2, 5, 2, 8))
    y = net.add("TRANSPOSE", [y, [0, 2, 1, 3]], (2, 2, 5, 8))
    scores = net.add("BATCH_MATMUL", [y, y], (2, 2, 5, 5), AdjY=True)
    scores = net.add("SOFTMAX", [scores], (2, 2, 5, 5), Beta=0.5)
    z = net.add("BATCH_MATMUL", [scores, y], (2, 2, 5, 8))
    turned = net.add("BATCH_MATMUL", [z, y], (2, 2, 8, 8), AdjX=True)
    shared = net.add("BATCH_MATMUL", [z, normal(1, 2, 8, 3)], (2, 2, 5, 3))
    weight = net.tensor(T((8, 64), "INT8", int8(8, 64), [0.01]))
    hybrid = {"AsymmetricQuantizeInputs": True}
    quantized = net.add("BATCH_MATMUL", [z, weight], (2, 2, 5, 64), **hybrid)
    return net.finish(turned, shared, quantized)


def resizing() -> bytes:
    """Both kinds of resizing, larger and smaller, in every convention."""
    net = Net()
    x = net.input(1, 5, 6, 3)
    made = []
    for size in ((10, 9), (3, 4), (1, 6)):
        for op in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
            for said in ({}, {"AlignCorners": True}, {"HalfPixelCenters": True}):
                made.append(net.add(op, [x, size], (1, *size, 3), **said))
    return net.finish(*made)


def transposed() -> bytes:
    """Transposed convolutions: float and int8, with or without bias, both paddings."""
    net = Net()
    x = net.input(1, 4, 5, 6)
    strides = {"StrideH": 2, "StrideW": 2}
    a = net.add(
        "TRANSPOSE_CONV",
        [[1, 8, 10, 4], normal(4, 3, 3, 6), x, normal(4)],
        (1, 8, 10, 4),
        Padding=0,
        FusedActivationFunction=1,
        **strides,
    )
    b = net.add(
        "TRANSPOSE_CONV",
        [[1, 9, 11, 3], normal(3, 3, 3, 6), x],
        (1, 9, 11, 3),
        Padding=1,
        **strides,
    )
    weight = net.tensor(T((8, 2, 2, 6), "INT8", int8(8, 2, 2, 6), scales(8)))
    c = net.add(
        "TRANSPOSE_CONV",
        [[1, 8, 10, 8], weight, x, normal(8)],
        (1, 8, 10, 8),
        Padding=1,
        **strides,
    )
    return net.finish(a, b, c)


FILES = {
    "movement": movement,
    "tables": tables,
    "arithmetic_on_shapes": arithmetic_on_shapes,
    "arithmetic": arithmetic,
    "reductions": reductions,
    "masks": masks,
    "attention": attention,
    "resizing": resizing,
    "transposed": transposed,
}
