"""Element-wise nodes behind every kernel that takes a tail, whatever its schedule."""

from collections.abc import Mapping
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import qd8
from qd8.kernels import paths
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.tflite.net import Net
from tests.tflite.small import SAME, STRIDE_1, STRIDE_2, int8, normal, scales
from tests.tflite.write import T
from tests.zoo.small import values

ONE = {"DilationHFactor": 1, "DilationWFactor": 1}
CONV = {"Padding": SAME} | ONE


class Producer(NamedTuple):
    """An operator with weights: shapes, options, how it is quantized."""

    op: str
    x: tuple[int, ...]
    weight: tuple[int, ...]
    out: tuple[int, ...]
    options: Mapping[str, Any] = MappingProxyType({})
    axis: int = 0
    path: str = ""


PRODUCERS = {
    "rows": Producer("FULLY_CONNECTED", (9, 40), (70, 40), (9, 70)),
    "one row": Producer("FULLY_CONNECTED", (1, 40), (150, 40), (1, 150)),
    "pixels": Producer(
        "CONV_2D", (2, 5, 3, 24), (33, 1, 1, 24), (2, 5, 3, 33), CONV | STRIDE_1
    ),
    "direct": Producer(
        "CONV_2D", (2, 7, 9, 8), (40, 3, 3, 8), (2, 7, 9, 40), CONV | STRIDE_1,
        path="direct",
    ),
    "winograd": Producer(
        "CONV_2D", (2, 7, 9, 32), (40, 3, 3, 32), (2, 7, 9, 40), CONV | STRIDE_1,
        path="winograd",
    ),
    # Where AMX reads the image, a share of five ends in the padding behind a row.
    "padded rows": Producer(
        "CONV_2D", (1, 20, 19, 64), (40, 1, 7, 64), (1, 20, 19, 40), CONV | STRIDE_1,
        path="direct",
    ),
    "stride": Producer(
        "CONV_2D", (1, 9, 9, 8), (17, 3, 3, 8), (1, 5, 5, 17), CONV | STRIDE_2
    ),
    "groups": Producer(
        "CONV_2D", (2, 6, 5, 8), (36, 3, 3, 4), (2, 6, 5, 36), CONV | STRIDE_1
    ),
    "depthwise": Producer(
        "DEPTHWISE_CONV_2D", (2, 7, 6, 20), (1, 3, 3, 20), (2, 7, 6, 20),
        CONV | STRIDE_1 | {"DepthMultiplier": 1}, axis=3,
    ),
    "transposed": Producer(
        "TRANSPOSE_CONV", (1, 4, 5, 6), (9, 3, 3, 6), (1, 8, 10, 9),
        {"Padding": SAME} | STRIDE_2,
    ),
}  # fmt: skip


def net(p: Producer, kind: str) -> bytes:
    """Build the producer, x * LOGISTIC(x), a residual ADD, and a MUL of channels."""
    built = Net()
    x = built.input(*p.x)
    scale = scales(1 if p.axis else p.weight[0])
    weight = (
        T(p.weight, "INT8", int8(*p.weight), scale if p.axis == 0 else [0.01])
        if kind == "int8"
        else T(p.weight, data=normal(*p.weight))
    )
    channels = p.out[-1]
    inputs = [x, built.tensor(weight), normal(channels)]
    if p.op == "TRANSPOSE_CONV":
        inputs = [list(p.out), inputs[1], x, inputs[2]]
    y = built.add(p.op, inputs, p.out, **p.options)
    y = built.add("MUL", [built.add("LOGISTIC", [y], p.out), y], p.out)
    y = built.add("ADD", [built.input(*p.out), y], p.out, FusedActivationFunction=1)
    return built.finish(built.add("MUL", [y, normal(channels)], p.out))


@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16", "fp32", "fp16"])
@pytest.mark.parametrize("name", PRODUCERS)
def test_tails_equal_the_parts(isa, name, precision):
    """One node for five, with tasks over rows and over columns."""
    p = PRODUCERS[name]
    with paths.forced(p.path) if p.path else nullcontext():
        model = qd8.load(net(p, "int8"), precision=precision)
    ops = [n.operator.name for n in model.fused_graph.nodes]
    assert [op for op in ops if op != "CAST"] == [p.op]
    assert_nothing_lost(model)
    inputs = {each.name: values("x", each.shape, "f4", 1) for each in model.inputs}
    assert_fused_bits(model, inputs, threads=(1, 2, 5))


def test_a_row_that_is_not_finite(isa):
    """NaN of the whole row goes through the tail; the other rows are as they were."""
    p = PRODUCERS["rows"]
    model = qd8.load(net(p, "int8"))
    inputs = {each.name: values("x", each.shape, "f4", 1) for each in model.inputs}
    clean = model(*inputs.values())
    inputs[model.inputs[0].name][3, 7] = np.inf
    found = model(*inputs.values())
    assert np.isnan(found[3]).all()
    assert_same_bits(np.delete(clean, 3, 0), np.delete(found, 3, 0))


def ops(content: bytes, **choices: Any) -> list[str]:
    """Name the operators that run."""
    model = qd8.load(content, **choices)
    assert_nothing_lost(model)
    return [node.operator.name for node in model.fused_graph.nodes]


def test_without_the_other_passes():
    """A single element-wise node, or a swish, is a tail too."""
    content = net(PRODUCERS["rows"], "int8")
    found = ops(content, passes=["swish", "epilogue"])
    assert found == ["FULLY_CONNECTED", "ADD", "MUL"]
    few = ["FULLY_CONNECTED", "LOGISTIC", "MUL", "ADD", "MUL"]
    assert ops(content, passes=["epilogue"]) == few


def test_the_later_of_two_producers_has_the_sum():
    """Its other operand is computed before it runs."""
    built = Net()
    x = built.input(3, 8)
    a = built.add("FULLY_CONNECTED", [x, normal(8, 8)], (3, 8))
    b = built.add("FULLY_CONNECTED", [x, normal(8, 8, seed=1)], (3, 8))
    model = qd8.load(built.finish(built.add("ADD", [a, b], (3, 8))))
    first, second = model.fused_graph.nodes
    assert (first.tail, second.parts[0].index) == (None, 1)
    assert second.tail is not None


def test_a_sum_of_another_rank_is_a_tail(isa):
    """Rows of a fully connected layer, added to rows with an axis of one in front."""
    built = Net()
    y = built.add("FULLY_CONNECTED", [built.input(5, 8), normal(20, 8)], (5, 20))
    y = built.add("ADD", [y, built.input(1, 5, 20)], (1, 5, 20))
    model = qd8.load(built.finish(y))
    (node,) = model.fused_graph.nodes
    assert node.tail is not None
    inputs = {each.name: values("x", each.shape, "f4", 1) for each in model.inputs}
    (expected,) = run_reference(model, inputs).values()
    assert_same_bits(expected, model(**inputs))


def test_what_somebody_else_reads_has_no_tail():
    """The convolution's own output is needed, or is an output of the graph."""
    for output in (True, False):
        built = Net()
        y = built.add("FULLY_CONNECTED", [built.input(3, 8), normal(8, 8)], (3, 8))
        z = built.add("TANH", [y], (3, 8))
        last = y if output else built.add("SOFTMAX", [y], (3, 8), Beta=1.0)
        found = ops(built.finish(z, last))
        assert found[:2] == ["FULLY_CONNECTED", "TANH"]


def test_weights_are_packed_once():
    """The unfused plan has the same packed weights: same operator, same options."""
    model = qd8.load(net(PRODUCERS["rows"], "int8"))
    (fused,) = (layer for layer in model._plan.layers if layer is not None)
    (plain,) = (layer for layer in model._unfused_plan.layers if layer is not None)
    assert fused is plain
