"""A gated activation of a quantized layer's halves runs where the rows are made."""

import numpy as np
import pytest

import qd8
from qd8 import gated as layers
from qd8.kernels import paths
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_nothing_lost, computed_when_fused
from tests.tflite.net import Net
from tests.tflite.small import int8, normal, scales
from tests.tflite.write import T

K = 37


def gate(net, x, rows, width, *, swapped=False, more=None):
    """Add a layer of twice ``width`` outputs and what a transformer makes of them."""
    N, shape = 2 * width, (*rows, width)
    weight = net.tensor(T((N, K), "INT8", int8(N, K, seed=N), scales(N)))
    options = {"KeepNumDims": True, "FusedActivationFunction": 1 if swapped else 0}
    inputs = [x, weight, normal(N, seed=N)]
    both = net.add("FULLY_CONNECTED", inputs, (*rows, N), **options)

    def half(begin):
        first = [0] * len(rows)
        bounds = [[*first, begin], [*first, begin + width], [1] * (len(rows) + 1)]
        mask = (1 << len(rows)) - 1
        kept = {"BeginMask": mask, "EndMask": mask}
        return net.add("STRIDED_SLICE", [both, *bounds], shape, **kept)

    left, right = (half(width), half(0)) if swapped else (half(0), half(width))
    left = net.add("MUL", [left, np.float32(0.75)], shape)
    if more is not None:
        left = net.add("ADD", [left, more], shape)
    right = net.add("GELU", [right], shape, Approximate=True)
    return net.add("MUL", [left, right], shape), both


def layer_of(model):
    """Return the node that has a gate, or None."""
    halves = [n for n in model.fused_graph.nodes if n.tail and n.tail.reads_halves]
    return halves[0] if halves else None


def assert_same(model, *shapes):
    """Every tensor is the reference's, rows that are not finite too."""
    given = {i.name: normal(*s) for i, s in zip(model.inputs, shapes, strict=True)}
    x = given[model.inputs[0].name].reshape(-1, K)
    x[0, 3], x[-1], x[len(x) // 2] = np.nan, 0, x[len(x) // 2] * 1e-30
    expected = run_reference(model, given, keep="all")
    for threads in (1, 2, 3):
        found = computed_when_fused(model, given, threads)
        for name, value in found.items():
            assert_same_bits(expected[name], value, name)


@pytest.mark.parametrize("share", [8, 1 << 20])
@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
@pytest.mark.parametrize("rows", [(1,), (2, 35)])
def test_bits_are_those_of_the_parts(isa, monkeypatch, precision, rows, share):
    """All panels of a half at once, or one by one; either half may be the gate."""
    monkeypatch.setattr(layers, "SHARE", share)
    for swapped in (False, True):
        net = Net()
        y, _ = gate(net, net.input(*rows, K), rows, 160, swapped=swapped)
        model = qd8.load(net.finish(y), precision=precision)
        node = layer_of(model)
        assert node.operator.name == "FULLY_CONNECTED"
        assert len(node.own_inputs) == 3
        assert_nothing_lost(model)
        assert_same(model, (*rows, K))


def test_operands_besides_the_halves(isa):
    """Of channels and of rows, placed by the row of the output."""
    for extents in ((64,), (9, 64), (3, 9, 1)):
        net = Net()
        x, more = net.input(3, 9, K), net.input(*extents)
        y, _ = gate(net, x, (3, 9), 64, more=more)
        model = qd8.load(net.finish(y))
        assert (layer_of(model) is not None) == (extents != (9, 64))
        assert_same(model, (3, 9, K), extents)


def test_complemented_weights(isa):
    """Panels as streams of half the columns."""
    net = Net()
    y, _ = gate(net, net.input(50, K), (50,), 96)
    with paths.forced("maddubs"):
        model = qd8.load(net.finish(y))
        assert layer_of(model) is not None
        assert_same(model, (50, K))


@pytest.mark.parametrize("why", ["width", "reader", "float", "off"])
def test_what_does_not_fit_stays(why):
    """Halves that end within a panel; rows that are read elsewhere; no int8."""
    net = Net()
    y, both = gate(net, net.input(5, K), (5,), 40 if why == "width" else 64)
    outputs = [y]
    if why == "reader":
        outputs.append(net.add("NEG", [both], (5, 128)))
    names = [each for each in qd8.graph.passes.pass_names(None) if each != "gated"]
    model = qd8.load(
        net.finish(*outputs),
        precision="fp32" if why == "float" else "qd8-f32",
        passes=names if why == "off" else None,
    )
    assert layer_of(model) is None
    assert_same(model, (5, K))


def test_the_product_takes_no_memory():
    """No tensor of the fused graph has the rows of both halves."""
    net = Net()
    y, both = gate(net, net.input(512, K), (512,), 256)
    content = net.finish(y)
    fused, apart = qd8.load(content), qd8.load(content, passes=["chains"])
    assert both not in {i for n in fused.fused_graph.nodes for i in n.outputs}
    assert fused._plan.arena_bytes <= apart._plan.arena_bytes - 4 * 512 * 256
    (row,) = (r for r in fused.profile(runs=1) if r.op == "FULLY_CONNECTED")
    assert "gated where they are made" in row.schedule
    assert row.macs == 512 * 512 * K
