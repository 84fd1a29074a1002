"""x * LOGISTIC(x) runs as one node where nobody needs the logistic."""

import pytest

import qd8
from qd8.graph.precision import PRECISIONS
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.kernels.float_values import wild
from tests.tflite.net import Net

SHAPE = (3, 7, 11)


def net(*, activation=0, also=False, other=False, swapped=False):
    """Build x * LOGISTIC(x), or something that only looks like it."""
    built = Net()
    x, y = built.input(*SHAPE), built.input(*SHAPE)
    gate = built.add("LOGISTIC", [y if other else x], SHAPE)
    pair = [gate, x] if swapped else [x, gate]
    out = built.add("MUL", pair, SHAPE, FusedActivationFunction=activation)
    rest = built.add("ADD", [y, gate if also else y], SHAPE)
    return built.finish(out, rest)


def ops(model):
    """Name the operators of the nodes that run, without the casts at the edges."""
    names = [node.operator.name for node in model.fused_graph.nodes]
    return [name for name in names if name != "CAST"]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("swapped", [False, True])
def test_bits_are_the_parts(isa, precision, swapped):
    """Special values too; in float16 the logistic is rounded to it (C4)."""
    model = qd8.load(net(swapped=swapped), precision=precision)
    assert ops(model) == ["SWISH", "ADD"]
    assert_nothing_lost(model)
    for seed in range(3):
        x = wild(seed, *SHAPE)
        inputs = {each.name: x for each in model.inputs}
        assert_fused_bits(model, inputs)


@pytest.mark.parametrize(
    "changes", [{"also": True}, {"other": True}, {"activation": 1}]
)
def test_what_only_looks_like_it_stays(changes):
    """The logistic is read twice, or of another tensor, or the product is clamped."""
    model = qd8.load(net(**changes), passes=["swish"])
    assert ops(model) == ["LOGISTIC", "MUL", "ADD"]


def test_an_output_stays():
    """A logistic that is an output of the graph must exist."""
    built = Net()
    x = built.input(*SHAPE)
    gate = built.add("LOGISTIC", [x], SHAPE)
    content = built.finish(gate, built.add("MUL", [x, gate], SHAPE))
    assert ops(qd8.load(content, passes=["swish"])) == ["LOGISTIC", "MUL"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_passes_are_the_caller_s_choice(precision):
    """With none of them every node of the file runs for itself."""
    model = qd8.load(net(), precision=precision, passes=())
    assert model.fused_graph is model.graph
    assert ops(model) == ["LOGISTIC", "MUL", "ADD"]
