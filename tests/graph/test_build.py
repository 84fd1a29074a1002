"""Every refusal of a graph: file, operator, tensor, and what is needed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import qd8_reference

import qd8
from qd8.graph import operators
from qd8.graph.model import Model
from qd8.tflite import read
from tests.tflite import operators as further
from tests.tflite import small
from tests.tflite.net import Net
from tests.tflite.small import SAME, STRIDE_1, VALID, int8, normal, scales
from tests.tflite.write import Op, T, write

ROOT = Path(__file__).parents[2]
MODELS = ROOT.parent / "shared/models"
CONV = {"Padding": SAME, "DilationHFactor": 1, "DilationWFactor": 1} | STRIDE_1


def load(*arguments):
    """Build a model without packing; no refusal may wait until a kernel exists."""
    return Model(read(write(*arguments), "net.tflite"))


def fully_connected(weight, x=(2, 8), out=(2, 4), bias=None, **options):
    """A file of one FULLY_CONNECTED."""
    tensors = [T(x), weight, T(out)]
    inputs = [0, 1]
    if bias is not None:
        tensors.append(bias)
        inputs.append(3)
    return tensors, [Op("FULLY_CONNECTED", inputs, [2], options)], [0], [2]


def conv(weight, x=(1, 5, 5, 2), out=(1, 5, 5, 4), **options):
    """A file of one CONV_2D."""
    return (
        [T(x), weight, T(out)],
        [Op("CONV_2D", [0, 1], [2], CONV | options)],
        [0],
        [2],
    )


def weight(**changes):
    """int8 weights of 8 inputs and 4 outputs."""
    return dataclasses.replace(T((4, 8), "INT8", int8(4, 8), scales(4)), **changes)


def unary(op, x, out=None, **options):
    """A file of one operator with one input."""
    return [T(x), T(out or x)], [Op(op, [0], [1], options)], [0], [1]


def test_every_operator_names_a_reference():
    """The registry holds no name that nothing answers to."""
    for name, operator in operators.OPERATORS.items():
        assert name == operator.name
        assert callable(getattr(qd8_reference, operator.reference)), name
        if operator.quantized:
            assert callable(getattr(qd8_reference, operator.quantized.reference))


def test_the_small_files_hold_every_operator():
    """So each is bound to its kernel, and compared, in test_model_bits."""
    files = {**small.FILES, **further.FILES}
    held = {op.op for make in files.values() for op in read(make()).main.operators}
    assert held == set(operators.OPERATORS)


REFUSED_SCALES = {
    "nan": np.nan,
    "zero": 0.0,
    "negative": -0.01,
    "infinite": np.inf,
    "subnormal": 1e-39,
    "huge": 3e38,
}


@pytest.mark.parametrize("value", REFUSED_SCALES.values(), ids=REFUSED_SCALES)
def test_refuses_scales_that_are_none(value):
    """Positive, normal and small enough for -128 of it, in every channel."""
    scale = scales(4)
    scale[2] = value
    with pytest.raises(
        ValueError,
        match=r"net\.tflite: operator 0 \(FULLY_CONNECTED\): tensor 1 \('t1'\) has "
        r"scale .* in channel 2",
    ):
        load(*fully_connected(weight(scale=scale)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zero_point": [0, 0, 3, 0]}, "zero point 3 in channel 2; weights need 0"),
        ({"scale": None}, "is INT8 but has no scale"),
        ({"axis": 1, "scale": scales(8)}, "axis 1; its output channels are axis 0"),
    ],
)
def test_refuses_quantizations_that_are_no_weights(changes, said):
    """Symmetric, per output channel or per tensor."""
    with pytest.raises(ValueError, match=rf"operator 0 .*tensor 1 .*{said}"):
        load(*fully_connected(weight(**changes)))


FLOAT = T((4, 8), data=normal(4, 8))
CONV_WEIGHT = T((4, 3, 3, 2), data=normal(4, 3, 3, 2))
WRONG = {
    "K": (fully_connected(FLOAT, x=(2, 7)), r"\(2, 7\) does not make rows of 8"),
    "output": (fully_connected(FLOAT, out=(2, 5)), r"output of \(2, 4\), but tensor 2"),
    "bias": (
        fully_connected(FLOAT, bias=T((3,), data=normal(3))),
        r"bias is \(3,\); \(4,\) is needed",
    ),
    "weights_format": (fully_connected(FLOAT, WeightsFormat=1), "SHUFFLED4x16INT8"),
    "weight rank": (
        fully_connected(T((2, 2, 8), data=normal(2, 2, 8))),
        r"weight is \(2, 2, 8\); \(N, K\) is needed",
    ),
    "tanh": (fully_connected(FLOAT, FusedActivationFunction=4), "activation is TANH"),
    "activation": (fully_connected(FLOAT, FusedActivationFunction=99), "is 99"),
    "stride 0": (conv(CONV_WEIGHT, StrideH=0), "stride_h and stride_w are 0 and 1"),
    "stride -1": (conv(CONV_WEIGHT, StrideW=-1), "are 1 and -1"),
    "dilation": (conv(CONV_WEIGHT, DilationHFactor=0), "dilation_h_factor"),
    "padding": (conv(CONV_WEIGHT, Padding=7), "padding is 7"),
    "channels": (conv(CONV_WEIGHT, x=(1, 5, 5, 3)), "has 3 channels; a multiple of 2"),
    "rank": (conv(CONV_WEIGHT, x=(5, 5, 2)), r"\(N, H, W, C\) is needed"),
    "window": (
        conv(CONV_WEIGHT, x=(1, 2, 5, 2), out=(1, 1, 3, 4), Padding=VALID),
        "spans 3x3 does not fit into 2x5",
    ),
    "pool stride": (
        unary("MAX_POOL_2D", (1, 4, 4, 2), FilterHeight=2, FilterWidth=2),
        "stride_h and stride_w are 0 and 0",
    ),
    "pool window": (
        unary("AVERAGE_POOL_2D", (1, 4, 4, 2), FilterHeight=9, FilterWidth=2),
        "over twice the image",
    ),
    "beta": (unary("SOFTMAX", (2, 3), Beta=float("nan")), "beta is nan"),
    "unary shape": (unary("RELU", (2, 3), (3, 2)), r"make an output of \(2, 3\)"),
    "zero size": (unary("RELU", (2, 0)), "holds no element"),
    "broadcast": (
        ([T((2, 3)), T((2, 4)), T((2, 4))], [Op("ADD", [0, 1], [2])], [0, 1], [2]),
        r"\(2, 3\) and \(2, 4\) do not broadcast",
    ),
    "concatenation": (
        (
            [T((2, 3)), T((3, 3)), T((2, 6))],
            [Op("CONCATENATION", [0, 1], [2], {"Axis": 1})],
            [0, 1],
            [2],
        ),
        "differ on another axis than 1",
    ),
    "axis": (
        (
            [T((2, 3)), T((2, 3))],
            [Op("CONCATENATION", [0], [1], {"Axis": 2})],
            [0],
            [1],
        ),
        "axis is 2 but its input has rank 2",
    ),
    "mean": (
        (
            [T((2, 3)), T((1,), "INT32", np.int32([2])), T((2,))],
            [Op("MEAN", [0, 1], [2])],
            [0],
            [2],
        ),
        r"axes are \(2,\) but its input \(2, 3\) has 2",
    ),
    "pad": (
        (
            [T((2,)), T((1, 2), "INT32", np.int32([[1, -1]])), T((2,))],
            [Op("PAD", [0, 1], [2])],
            [0],
            [2],
        ),
        r"paddings are \(1, -1\)",
    ),
    "reshape": (
        ([T((2, 3)), T((7,))], [Op("RESHAPE", [0], [1], {"NewShape": [7]})], [0], [1]),
        r"reshapes \(2, 3\) to \(7,\), of another size",
    ),
    "reshape twice": (
        (
            [T((2, 3)), T((6,))],
            [Op("RESHAPE", [0], [1], {"NewShape": [-1, -1]})],
            [0],
            [1],
        ),
        "which is no shape",
    ),
    "absent": (([T((2,)), T((2,))], [Op("RELU", [-1], [1])], [0], [1]), "absent"),
    "inputs": (([T((2,)), T((2,))], [Op("ADD", [0], [1])], [0], [1]), "has 1 inputs"),
    "outputs": (([T((2,)), T((2,))], [Op("RELU", [0], [])], [0], [1]), "has 0 outputs"),
    "cycle": (
        (
            [T((2,)), T((2,)), T((2,))],
            [Op("ADD", [0, 2], [1]), Op("RELU", [1], [2])],
            [0],
            [2],
        ),
        r"operator 0 \(ADD\): its input b, tensor 2 .* nor computed before it",
    ),
    "twice": (
        ([T((2,)), T((2,))], [Op("RELU", [0], [1]), Op("RELU", [0], [1])], [0], [1]),
        r"operator 1 .*tensor 1 .* has a value already",
    ),
    "into itself": (
        ([T((2,)), T((2,))], [Op("RELU", [0], [0])], [0], [0]),
        "has a value already",
    ),
    "nobody": (
        ([T((2,)), T((2,)), T((2,))], [Op("RELU", [0], [1])], [0], [2]),
        r"no operator computes tensor 2",
    ),
    "same inputs": (
        ([T((2,)), T((2,))], [Op("RELU", [0], [1])], [0, 0], [1]),
        r"inputs are the tensors \(0, 0\)",
    ),
}


def call(op, inputs, shapes=((2, 3),), dtype="FLOAT32", **options):
    """A file of one call on an image (1, 4, 6, 2), further constants behind it."""
    net = Net()
    x = net.input(1, 4, 6, 2)
    given = [x if i is X else i for i in inputs]
    made = net.several(op, given, shapes, dtype, **options)
    return net.tensors, net.calls, net.inputs, made


X = object()
FURTHER = {
    "perm": (call("TRANSPOSE", [X, [0, 1, 1, 2]]), r"perm is \(0, 1, 1, 2\)"),
    "slice": (
        call("SLICE", [X, [0, 3, 0, 0], [1, 2, 6, 2]]),
        r"does not lie within \(1, 4, 6, 2\)",
    ),
    "slice rank": (call("SLICE", [X, [0], [1]]), "its input is"),
    "strides 0": (call("STRIDED_SLICE", [X, [0], [1], [0]]), "0 leads nowhere"),
    "strides": (call("STRIDED_SLICE", [X, [0], [1], [1, 1]]), "of lengths"),
    "ellipses": (
        call("STRIDED_SLICE", [X, [0, 0], [0, 0], [1, 1]], EllipsisMask=3),
        "ellipsis_mask is 0b11",
    ),
    "index": (
        call("STRIDED_SLICE", [X, [1], [2], [1]], ShrinkAxisMask=1),
        r"begin is \(1,\); its input",
    ),
    "split": (call("SPLIT", [np.int32(1), X], NumSplits=3), "into 3 equal parts"),
    "split outputs": (
        call("SPLIT", [np.int32(1), X], NumSplits=2),
        "has 1 outputs; 2 are needed",
    ),
    "split_v": (call("SPLIT_V", [X, [1, 2], np.int32(1)]), r"parts of \[1, 2\]"),
    "unpack": (call("UNPACK", [X], Num=4, Axis=1), "has 1 outputs and num 4"),
    "pack": (call("PACK", [X, [1.0]]), "they must be alike"),
    "expand_dims": (call("EXPAND_DIMS", [X, np.int32(5)]), "axis is 5"),
    "squeeze": (call("SQUEEZE", [X], SqueezeDims=[1]), "only axes of 1 element"),
    "broadcast_to": (
        call("BROADCAST_TO", [X, [4, 5]]),
        r"broadcast to \(4, 5",
    ),
    "tile": (call("TILE", [X, [1, 2]]), r"multiples are \(1, 2\)"),
    "fill": (call("FILL", [[2, -3], np.float32(1)]), "is no shape"),
    "range": (
        call("RANGE", [np.float32(0), np.float32(3), np.float32(0)]),
        "from 0.0 to 3.0 in steps of 0.0",
    ),
    "range without end": (
        call("RANGE", [np.float32(0), np.float32(6), np.float32(1e-45)]),
        "inf numbers",
    ),
    "gather axis": (call("GATHER", [X, [0]], Axis=4), "axis is 4"),
    "batch_dims": (
        call("GATHER", [X, [0]], BatchDims=1),
        "batch_dims is 1, its",
    ),
    "one_hot": (
        call("ONE_HOT", [[1, 2], np.int32(-1), np.float32(1), np.float32(0)]),
        "depth is -1",
    ),
    "blocks": (
        call("SPACE_TO_BATCH_ND", [X, [3, 2], [[0, 0], [0, 0]]]),
        r"does not divide into blocks of \(3, 2\)",
    ),
    "crops": (
        call("BATCH_TO_SPACE_ND", [X, [1, 1], [[3, 2], [0, 0]]]),
        "more than there is",
    ),
    "batch of blocks": (
        call("BATCH_TO_SPACE_ND", [X, [2, 1], [[0, 0], [0, 0]]]),
        "no batch of blocks",
    ),
    "space_to_depth": (call("SPACE_TO_DEPTH", [X], BlockSize=4), "blocks of 4"),
    "depth_to_space": (call("DEPTH_TO_SPACE", [X], BlockSize=2), "no blocks of 2x2"),
    "block_size": (call("SPACE_TO_DEPTH", [X], BlockSize=0), "block_size is 0"),
    "size": (call("RESIZE_BILINEAR", [X, [0, 4]]), r"size is \(0, 4\)"),
    "conventions": (
        call("RESIZE_BILINEAR", [X, [2, 2]], AlignCorners=True, HalfPixelCenters=True),
        "align_corners and half_pixel_centers",
    ),
    "matrices": (call("BATCH_MATMUL", [X, normal(3, 2)]), "rows of 2 and columns of 3"),
    "matmul batch": (call("BATCH_MATMUL", [X, normal(3, 2, 2)]), "do not broadcast"),
    "vector": (call("BATCH_MATMUL", [X, normal(2)]), "matrices are needed"),
    "deconvolution": (
        call(
            "TRANSPOSE_CONV",
            [[1, 9, 12, 3], normal(3, 3, 3, 2), X],
            StrideH=2,
            StrideW=2,
        ),
        "makes 5x6 pixels; its input .* has 4x6",
    ),
    "deconvolution channels": (
        call("TRANSPOSE_CONV", [[1, 8, 12, 3], normal(3, 3, 3, 4), X], **STRIDE_1),
        "their channels differ",
    ),
    "arg_max": (call("ARG_MAX", [X, np.int32(-5)], dtype="INT32"), "axis is -5"),
    "reduce": (call("SUM", [X, np.zeros(0, np.int32)]), "reduces nothing"),
    "two types": (call("ADD", [X, [1]]), "are FLOAT32 and INT32"),
    "integer activation": (
        call("ADD", [[1], [2]], dtype="INT32", FusedActivationFunction=1),
        "activation is RELU; INT32 has none",
    ),
    "select": (call("SELECT_V2", [[True], X, [1]]), "selects from FLOAT32 and INT32"),
    "select rows": (
        call("SELECT", [[True, False], normal(3, 2), normal(3, 2)]),
        "one for each row",
    ),
    "prelu": (call("PRELU", [X, normal(3)]), r"alpha is \(3,\)"),
}


@pytest.mark.parametrize(("file", "said"), FURTHER.values(), ids=FURTHER)
def test_refuses_further_operators_that_cannot_be_run(file, said):
    """Each with its place; nothing reaches a kernel."""
    with pytest.raises(ValueError, match=rf"net\.tflite: operator 0 .*{said}"):
        load(*file)


def test_refuses_tables_whose_scales_are_not_of_rows():
    """A scale for each row means nothing along another axis."""
    net = Net()
    table = net.tensor(T((4, 5), "INT8", int8(4, 5), scales(4)))
    y = net.add("GATHER", [table, net.input(2, dtype="INT32")], (4, 2), Axis=1)
    with pytest.raises(ValueError, match="scale for each row; its axis is not 0"):
        Model(read(net.finish(y)))


@pytest.mark.parametrize(("file", "said"), WRONG.values(), ids=WRONG)
def test_refuses_what_cannot_be_run(file, said):
    """Each with the file's name, and what is wrong with which operator."""
    with pytest.raises(ValueError, match=rf"net\.tflite: .*{said}"):
        load(*file)


UNSUPPORTED = {
    "operators": (
        unary("SIN", (2, 3)),
        r"needs operators that qd8 does not have: SIN \(operator 0\)",
    ),
    "dtype": (
        ([T((2,), "INT32"), T((2,), "INT32")], [Op("RELU", [0], [1])], [0], [1]),
        r"its input x, tensor 0 \('t0'\), is INT32; FLOAT32 is needed",
    ),
    "edge": (
        ([T((2,), "INT16"), T((2,))], [Op("RELU", [0], [1])], [0], [1]),
        r"input tensor 0 \('t0'\) is INT16; FLOAT32 or INT32 or INT64 or BOOL is",
    ),
    "output dtype": (
        ([T((2,)), T((2,), "INT32")], [Op("RELU", [0], [1])], [0], [1]),
        r"its output, tensor 1 \('t1'\), is INT32; FLOAT32 is needed",
    ),
    "computed weights": (
        (*fully_connected(T((4, 8)), x=(2, 8))[:2], [0, 1], [2]),
        r"input weight, tensor 1 \('t1'\), must be a constant",
    ),
    "full integer": (
        (
            [T((2,), "INT8", scale=[0.1]), T((2,), "INT8", scale=[0.1])],
            [Op("RELU", [0], [1])],
            [0],
            [1],
        ),
        r"is a full-integer file: tensor 0 .* Its execution comes later",
    ),
}


@pytest.mark.parametrize(("file", "said"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_says_what_is_not_supported(file, said):
    """NotImplementedError: the file is sound, qd8 does not run it."""
    with pytest.raises(NotImplementedError, match=rf"net\.tflite.*{said}"):
        load(*file)


def test_absurd_activations_are_refused():
    """A damaged extent must not take the machine's memory."""
    shape = (2**20, 2**20)
    with pytest.raises(ValueError, match=r"net\.tflite needs .* bytes for activations"):
        load(*unary("RELU", shape))._plan  # noqa: B018


def test_a_bias_that_is_not_finite_is_refused_at_load():
    """The layer's own refusal, with file and operator before it."""
    bias = T((4,), data=np.float32([0, np.nan, 0, 0]))
    content = write(*fully_connected(weight(), bias=bias))
    with pytest.raises(ValueError, match=r"<bytes>: operator 0 \(FULLY_CONN.*bias"):
        qd8.load(content)


def test_a_float_weight_that_is_not_finite_is_refused_at_load():
    """Where it would be quantized: the converter's rule has no answer for it."""
    values = np.full((32, 32), np.nan, np.float32)
    file = fully_connected(T((32, 32), data=values), x=(2, 32), out=(2, 32))
    with pytest.raises(ValueError, match=r"<bytes>: operator 0 \(FULLY_CONN.*finite"):
        qd8.load(write(*file), precision="qd8-f32")
