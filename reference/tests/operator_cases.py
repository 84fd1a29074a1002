"""One call of every operator beyond the spine, as LiteRT and as the reference take it.

Read by record_operators.py, which asks LiteRT. Small arrays of planted values: equal
elements, both zeros, ties, negative operands, everything that a convention can confuse.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Case:
    """One call.

    operator : the function of qd8_reference, called with ``arrays``, ``**keywords``
    tflite : TFLite's name of the operator
    inputs : what TFLite takes; None where they are ``arrays``
    options : of the table ``table``, None where the operator has none
    exact : whether the answer must be LiteRT's; else an SQNR of 100 dB is enough
    """

    operator: str
    arrays: tuple[Any, ...]
    keywords: dict[str, Any]
    tflite: str
    inputs: tuple[Any, ...] | None = None
    table: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    exact: bool = True
    version: int = 1
    delegate: bool = True


@dataclass(frozen=True)
class Constant:
    """An input that the file holds."""

    values: Array
    scale: Array | None = None


def constant(*values: Any, dtype: npt.DTypeLike = np.int32) -> Constant:
    """Return a constant vector."""
    return Constant(np.array(values, dtype))


def normal(seed: int, *shape: int) -> Array:
    """Draw float32 normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def integers(seed: int, *shape: int, dtype: npt.DTypeLike = np.int32) -> Array:
    """Draw integers within -9 and 9."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(dtype)


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from unary()
    yield from binary()
    yield from reductions()
    yield from indexing()
    yield from movement()
    yield from windows()
    yield from matrices()


def unary() -> Iterator[Case]:
    """One array in, one out."""
    x = np.concatenate([normal(1, 60) * np.float32(4), np.float32([0, -0.0, 88, -104])])
    above = np.abs(x) + np.float32(1e-3)
    for operator, exact in [
        ("abs", True),
        ("neg", False),
        ("square", True),
        ("floor", True),
        ("exp", False),
        ("tanh", False),
        ("elu", False),
        ("hard_swish", False),
        ("relu_n1_to_1", True),
    ]:
        yield Case(operator, (x,), {}, operator.upper(), exact=exact)
    yield Case("sqrt", (above,), {}, "SQRT", exact=False)
    yield Case("rsqrt", (above,), {}, "RSQRT", exact=False)
    for approximate in (False, True):
        given = {"approximate": approximate}
        yield Case("gelu", (x,), given, "GELU", None, "Gelu", given, exact=False)
    slope = {"alpha": 0.3}
    yield Case("leaky_relu", (x,), slope, "LEAKY_RELU", None, "LeakyRelu", slope)
    alpha = np.float32([[0.25, -0.1, 3]])
    y = normal(2, 2, 4, 3)
    yield Case("prelu", (y, alpha), {}, "PRELU", (y, Constant(alpha)))
    yield Case("logical_not", (x > 0,), {}, "LOGICAL_NOT")
    yield from casts()


def casts() -> Iterator[Case]:
    """Between dtypes; without NaN to an integer, where LiteRT differs (R29)."""
    x = np.float32([1.9, -1.9, 3e9, -3e9, 0.5, -0.5, 0, np.inf, -np.inf, 1e20])
    wide = np.array([2**24 + 1, -(2**31), 7, 0, 2**40 + 3], np.int64)
    for source, dtype in [
        (x, "int32"),
        (x, "int64"),
        (x, "int8"),
        (x, "uint8"),
        (x, "bool"),
        (wide, "int32"),
        (wide, "float32"),
        (wide, "bool"),
        (wide > 0, "float32"),
    ]:
        yield Case("cast", (source,), {"dtype": dtype}, "CAST", None, "Cast")


def binary() -> Iterator[Case]:
    """Two arrays, broadcast."""
    a, b = normal(3, 4, 1, 5), normal(4, 3, 5)
    b[0, 0], b[1, 1] = a[0, 0, 0], a[0, 0, 1]
    for operator, table in [
        ("div", "Div"),
        ("maximum", "MaximumMinimum"),
        ("minimum", "MaximumMinimum"),
        ("squared_difference", "SquaredDifference"),
        ("less", "Less"),
        ("less_equal", "LessEqual"),
        ("greater", "Greater"),
        ("greater_equal", "GreaterEqual"),
        ("equal", "Equal"),
        ("not_equal", "NotEqual"),
    ]:
        yield Case(operator, (a, b), {}, operator.upper(), None, table)
    i, j = integers(5, 4, 6), integers(6, 6)
    j[j == 0] = 4
    large = i + np.int32(2**31 - 9)
    yield Case("add", (large, j), {}, "ADD", None, "Add")
    yield Case("sub", (large, j), {}, "SUB", None, "Sub")
    yield Case("mul", (large, j), {}, "MUL", None, "Mul")
    yield Case("div", (i, j), {}, "DIV", None, "Div")
    yield Case("maximum", (i, j), {}, "MAXIMUM", None, "MaximumMinimum")
    long = i.astype(np.int64) * 2**40
    yield Case("mul", (long, long[:1]), {}, "MUL", None, "Mul")
    yield Case("less", (long, long[:1]), {}, "LESS", None, "Less")
    p, q = i > 0, j > 0
    yield Case("logical_and", (p, q), {}, "LOGICAL_AND", None, "LogicalAnd")
    yield Case("logical_or", (p, q), {}, "LOGICAL_OR", None, "LogicalOr")
    yield Case("equal", (i, j), {}, "EQUAL", None, "Equal")
    taken = (p[:, :1], i.astype(np.float32), j.astype(np.float32))
    yield Case("select", taken, {}, "SELECT_V2", None, "SelectV2")
    base = np.abs(normal(7, 4, 7)) * np.float32(5)
    base[0] = 0, 1, 2, 4, 9, 0.5, 1e-30
    power = np.float32([2, 0.5, 0, 1, -1.5, 3, -0.7])
    yield Case("pow", (base, power), {}, "POW", None, "Pow", exact=False)
    negative = np.float32([-2, -0.0, -np.inf, -8, np.inf, 1, 0.5])
    odd = np.float32([3, -3, 0.5, 2, -2, np.inf, -np.inf])
    yield Case("pow", (negative, odd), {}, "POW", None, "Pow")


def reductions() -> Iterator[Case]:
    """Many elements in, one out."""
    x = normal(8, 2, 3, 4, 5)
    for axes, keepdims in [((3,), False), ((1, 2), True), ((0, 2), False)]:
        keywords = {"axes": axes, "keepdims": keepdims}
        options = {"keepDims": keepdims}
        for operator, name, exact in [
            ("sum", "SUM", False),
            ("mean", "MEAN", False),
            ("reduce_max", "REDUCE_MAX", True),
        ]:
            given = (x, constant(*axes))
            yield Case(operator, (x,), keywords, name, given, "Reducer", options, exact)
    i = integers(9, 3, 4)
    axes = {"axes": (1,)}
    yield Case("sum", (i,), axes, "SUM", (i, constant(1)), "Reducer")
    yield Case("reduce_max", (i,), axes, "REDUCE_MAX", (i, constant(1)), "Reducer")
    ties = np.float32([[1, 3, 3, -0.0], [-0.0, 0, -1, 0], [2, 2, 2, 2]])
    for axis in (0, 1):
        keywords = {"axis": axis, "dtype": "int32"}
        given = (ties, Constant(np.array(axis, np.int32)))
        yield Case("arg_max", (ties,), keywords, "ARG_MAX", given, "ArgMax")
    for exclusive, reverse in [(False, False), (True, False), (False, True)]:
        options = {"exclusive": exclusive, "reverse": reverse}
        given = (x, Constant(np.array(2, np.int32)))
        keywords = {"axis": 2, **options}
        yield Case(
            "cumsum", (x,), keywords, "CUMSUM", given, "Cumsum", options, exact=False
        )


def indexing() -> Iterator[Case]:
    """Rows of tables and arrays made from numbers."""
    table, rows = normal(10, 7, 3), np.array([[6, 0], [2, 2]], np.int32)
    yield Case("gather", (table, rows), {}, "GATHER", None, "Gather")
    box, wide = normal(11, 2, 3, 4), np.array([[3, 0], [1, 1]], np.int64)
    for axis, batch in [(2, 0), (2, 1), (1, 1), (0, 0)]:
        index = wide % box.shape[axis] if batch == 0 else wide % 3
        keywords = {"axis": axis, "batch_dims": batch}
        options = {"axis": axis, "batchDims": batch}
        yield Case("gather", (box, index), keywords, "GATHER", None, "Gather", options)
    ids = rows.reshape(-1)
    yield Case("embedding_lookup", (ids, table), {}, "EMBEDDING_LOOKUP")
    small = integers(12, 7, 3, dtype=np.int8)
    scale = np.abs(normal(13, 7)) + np.float32(0.1)
    given = (ids, Constant(small, scale))
    keywords = {"scale": scale}
    yield Case("embedding_lookup", (ids, small), keywords, "EMBEDDING_LOOKUP", given)
    values = (Constant(np.float32(5)), Constant(np.float32(-1)))
    for axis in (-1, 0, 1):
        keywords = {"depth": 5, "on": 5.0, "off": -1.0, "axis": axis}
        given = (rows, Constant(np.array(5, np.int32)), *values)
        yield Case(
            "one_hot", (rows,), keywords, "ONE_HOT", given, "OneHot", {"axis": axis}
        )
    for numbers, dtype in [
        ((0, 1, 0.1), np.float32),
        ((3, -2, -0.7), np.float32),
        ((7, -4, -3), np.int32),
    ]:
        given = tuple(np.array(n, dtype) for n in numbers)
        yield Case("range", given, {}, "RANGE", None, "Range")
    value = np.float32(2.5)
    keywords = {"shape": (2, 3)}
    given = (constant(2, 3), np.asarray(value))
    yield Case("fill", (np.asarray(value),), keywords, "FILL", given, "Fill")
    yield Case("shape", (box,), {"dtype": "int32"}, "SHAPE", None, "Shape")


def movement() -> Iterator[Case]:
    """Elements change places."""
    x = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    i = x.astype(np.int32)

    def moved(
        operator: str, given: Any, keywords: Any, *rest: Any, **more: Any
    ) -> Case:
        return Case(
            operator, (given[0],), keywords, operator.upper(), given, *rest, **more
        )

    for y in (x, i):
        perm = (2, 0, 3, 1)
        yield moved("transpose", (y, constant(*perm)), {"perm": perm}, "Transpose")
        begin, size = (1, 0, 1, 2), (1, -1, 2, 3)
        keywords = {"begin": begin, "size": size}
        given = (y, constant(*begin), constant(*size))
        yield moved("slice", given, keywords, "Slice")
        yield from strided(y)
    axis = Constant(np.array(1, np.int32))
    yield moved("expand_dims", (x, axis), {"axis": 1}, "ExpandDims")
    one = x[:1, :, :1]
    options = {"squeezeDims": [2]}
    yield moved("squeeze", (one,), {"axes": (2,)}, "Squeeze", options)
    yield moved("squeeze", (one,), {}, "Squeeze")
    shape = (2, 3, 4, 5)
    wide = x[0, :, :1]
    given = (wide, constant(*shape))
    yield moved("broadcast_to", given, {"shape": shape}, "BroadcastTo", version=2)
    given = (x[0], constant(2, 1, 3))
    yield moved("tile", given, {"multiples": (2, 1, 3)}, "Tile")
    keywords = {"axes": (2,)}
    yield Case("reverse", (x,), keywords, "REVERSE_V2", (x, constant(2)), "ReverseV2")
    keywords = {"paddings": ((0, 1), (2, 0), (0, 0), (1, 1)), "value": -3.0}
    pads = Constant(np.array(keywords["paddings"], np.int32))
    value = Constant(np.float32([-3]))
    yield Case("pad", (x,), keywords, "PADV2", (x, pads, value), "PadV2")
    sides = ((1, 0), (0, 2))
    keywords = {"block_shape": (2, 3), "paddings": sides}
    given = (x, constant(2, 3), Constant(np.array(sides, np.int32)))
    yield moved("space_to_batch_nd", given, keywords, "SpaceToBatchND")
    y = np.arange(12 * 2 * 3 * 2, dtype=np.float32).reshape(12, 2, 3, 2)
    keywords = {"block_shape": (2, 3), "crops": sides}
    given = (y, constant(2, 3), Constant(np.array(sides, np.int32)))
    yield moved("batch_to_space_nd", given, keywords, "BatchToSpaceND")
    y = np.arange(2 * 4 * 6 * 8, dtype=np.float32).reshape(2, 4, 6, 8)
    options = {"blockSize": 2}
    keywords = {"block_size": 2}
    yield moved("space_to_depth", (y,), keywords, "SpaceToDepth", options)
    yield moved("depth_to_space", (y,), keywords, "DepthToSpace", options)
    y = (x[0], x[1])
    yield Case(
        "pack",
        (list(y),),
        {"axis": 1},
        "PACK",
        y,
        "Pack",
        {"axis": 1, "valuesCount": 2},
    )
    keywords = {"axis": 2, "num": 4}
    yield Case("unpack", (x,), keywords, "UNPACK", None, "Unpack", dict(keywords))
    axis = Constant(np.array(3, np.int32))
    keywords = {"num": 5, "axis": 3}
    yield Case("split", (x,), keywords, "SPLIT", (axis, x), "Split", {"numSplits": 5})
    keywords = {"sizes": (1, -1, 2), "axis": 3}
    given = (x, constant(1, -1, 2), axis)
    yield Case("split_v", (x,), keywords, "SPLIT_V", given, "SplitV", {"numSplits": 3})


def strided(x: Array) -> Iterator[Case]:
    """STRIDED_SLICE: negative numbers, every mask."""
    names = {
        "begin_mask": "beginMask",
        "end_mask": "endMask",
        "ellipsis_mask": "ellipsisMask",
        "new_axis_mask": "newAxisMask",
        "shrink_axis_mask": "shrinkAxisMask",
        "offset": "offset",
    }
    for begin, end, strides, masks in [
        ((0, 1, 1, 0), (2, 3, 4, 5), (1, 1, 2, 3), {}),
        ((-1, 2, -1, 0), (-3, -4, 0, 9), (-1, -1, -2, 1), {}),
        ((0, 1, 0, 2), (0, 0, 0, 4), (1, 1, 1, 1), {"begin_mask": 5, "end_mask": 7}),
        ((1, 0, -1, 0), (2, 3, 0, 5), (1, 1, 1, 2), {"shrink_axis_mask": 5}),
        ((0, 0, 3), (0, 0, 5), (1, 1, 1), {"ellipsis_mask": 2, "end_mask": 1}),
        ((1, 0, 0), (2, 0, 3), (1, 1, 1), {"new_axis_mask": 2}),
        ((0, 1, 1, 2), (1, 2, 2, 3), (1, 1, 1, 1), {"offset": True}),
    ]:
        keywords = {"begin": begin, "end": end, "strides": strides, **masks}
        given = (x, constant(*begin), constant(*end), constant(*strides))
        options = {names[name]: value for name, value in masks.items()}
        yield Case(
            "strided_slice",
            (x,),
            keywords,
            "STRIDED_SLICE",
            given,
            "StridedSlice",
            options,
        )


def windows() -> Iterator[Case]:
    """Resizes and the transposed convolutions."""
    for seed, (h, w, oh, ow) in enumerate([(3, 4, 7, 5), (8, 7, 3, 4), (1, 5, 4, 4)]):
        x = normal(20 + seed, 2, h, w, 3)
        for align, half in [(False, False), (True, False), (False, True)]:
            keywords = {
                "size": (oh, ow),
                "align_corners": align,
                "half_pixel_centers": half,
            }
            options = {"alignCorners": align, "halfPixelCenters": half}
            for operator, table in [
                ("resize_bilinear", "ResizeBilinear"),
                ("resize_nearest_neighbor", "ResizeNearestNeighbor"),
            ]:
                given = (x, constant(oh, ow))
                yield Case(
                    operator, (x,), keywords, operator.upper(), given, table, options
                )
    for seed, (oh, ow, kh, kw, sh, sw, padding) in enumerate(
        [
            (5, 6, 3, 2, 2, 1, "SAME"),
            (4, 4, 2, 2, 2, 2, "VALID"),
            (7, 5, 3, 3, 1, 1, "VALID"),
            (6, 7, 4, 4, 2, 3, "SAME"),
            (3, 3, 1, 1, 1, 1, "SAME"),
        ]
    ):
        generator = np.random.default_rng(seed)
        h, w = -(-oh // sh), -(-ow // sw)
        if padding == "VALID":
            h, w = (oh - kh) // sh + 1, (ow - kw) // sw + 1
        x = normal(30 + seed, 2, h, w, 3)
        weight = generator.integers(-128, 128, (4, kh, kw, 3)).astype(np.int8)
        scale, bias = np.abs(normal(40 + seed, 4)), normal(50 + seed, 4)
        keywords = {
            "output_shape": (2, oh, ow, 4),
            "stride": (sh, sw),
            "padding": padding,
        }
        options = {"padding": int(padding == "VALID"), "strideH": sh, "strideW": sw}
        shape = constant(2, oh, ow, 4)
        for activation, code in [("none", 0), ("relu6", 3)]:
            keywords = {**keywords, "activation": activation}
            options = {**options, "fusedActivationFunction": code}
            given = (shape, Constant(weight, scale), x, Constant(bias))
            yield Case(
                "transpose_conv2d_quantized",
                (x, weight, scale, bias),
                keywords,
                "TRANSPOSE_CONV",
                given,
                "TransposeConv",
                options,
                version=4,
            )
            real = weight.astype(np.float32) * scale[:, None, None, None]
            given = (shape, Constant(real), x, Constant(bias))
            yield Case(
                "transpose_conv2d",
                (x, real, bias),
                keywords,
                "TRANSPOSE_CONV",
                given,
                "TransposeConv",
                options,
                exact=False,
                version=4,
            )


def matrices() -> Iterator[Case]:
    """Batch matmul, of two activations and with int8 weights."""
    for seed, (adj_x, adj_y) in enumerate(np.ndindex(2, 2)):
        adj_x, adj_y = bool(adj_x), bool(adj_y)
        a, b = normal(60 + seed, 2, 3, 4, 5), normal(70 + seed, 3, 5, 6)
        if adj_x:
            a = a.swapaxes(-1, -2).copy()
        if adj_y:
            b = b.swapaxes(-1, -2).copy()
        keywords = {"adj_x": adj_x, "adj_y": adj_y}
        options = {"adjX": adj_x, "adjY": adj_y}
        yield Case(
            "batch_matmul",
            (a, b),
            keywords,
            "BATCH_MATMUL",
            None,
            "BatchMatMul",
            options,
            False,
        )
        weight = integers(80 + seed, *b.shape, dtype=np.int8)
        scale = np.float32([0.017])
        yield Case(
            "batch_matmul_quantized",
            (a, weight, scale),
            keywords,
            "BATCH_MATMUL",
            (a, Constant(weight, scale)),
            "BatchMatMul",
            {**options, "asymmetricQuantizeInputs": True},
            version=4,
        )
