"""Layers that quantize the same rows do so once, as one node with several outputs."""

import numpy as np
import pytest

import qd8
from qd8.kernels import paths
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_nothing_lost, computed_when_fused
from tests.tflite.net import Net
from tests.tflite.small import int8, normal, scales
from tests.tflite.write import T

SIZE = (2, 5, 7)
C = 37


def layer(
    net, x, outputs, *, stride=1, kernel=1, activation=0, kind="CONV_2D", inputs=C
):
    """Add a quantized layer with a bias; ``inputs`` are the channels of a group."""
    shape = outputs, kernel, kernel, inputs
    if kind == "FULLY_CONNECTED":
        shape = outputs, inputs
    weight = net.tensor(T(shape, "INT8", int8(*shape, seed=outputs), scales(outputs)))
    given = [x, weight, normal(outputs, seed=outputs)]
    more = {"FusedActivationFunction": activation}
    if kind == "FULLY_CONNECTED":
        more["KeepNumDims"] = True
    else:
        more |= {"StrideH": stride, "StrideW": stride}
    extents = (SIZE[0], *(-(-n // stride) for n in SIZE[1:]), outputs)
    return net.add(kind, given, extents, **more)


def ops(model):
    """Name the operators of the nodes that run, without the casts at the edges."""
    names = [node.operator.name for node in model.fused_graph.nodes]
    return [name for name in names if name != "CAST"]


def assert_same(model):
    """Every tensor is the reference's, rows that are not finite too."""
    (given,) = model.inputs
    x = normal(*given.shape)
    x[0, 1, 2, -1], x[1, 1] = np.nan, 0
    expected = run_reference(model, {given.name: x}, keep="all")
    for threads in (1, 2, 3):
        found = computed_when_fused(model, {given.name: x}, threads)
        for name, value in found.items():
            assert_same_bits(expected[name], value, name)


@pytest.mark.parametrize("path", ["", "maddubs"])
@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
def test_bits_are_the_layers(isa, precision, path):
    """Bounds of their own, kinds mixed, a reader between them, slices of a whole."""
    net = Net()
    x = net.input(*SIZE, C)
    first = layer(net, x, 33, activation=1)
    between = net.add("SOFTMAX", [first], (*SIZE, 33), Beta=1.0)
    second = layer(net, x, 5, activation=3)
    third = layer(net, x, 64, kind="FULLY_CONNECTED")
    whole = net.add("CONCATENATION", [second, third], (*SIZE, 69), Axis=3)
    content = net.finish(between, whole)
    if path:
        with paths.forced(path):
            model = qd8.load(content, precision=precision)
    else:
        model = qd8.load(content, precision=precision)
    assert ops(model) == ["SIBLINGS", "SOFTMAX", "CONCATENATION"]
    assert len(model.fused_graph.slices) == 2
    assert_nothing_lost(model)
    assert_same(model)


def test_weights_are_packed_once():
    """The layers of the fused node are those of the model, and no weight is kept."""
    net = Net()
    x = net.input(*SIZE, C)
    model = qd8.load(net.finish(layer(net, x, 33), layer(net, x, 40)))
    (packed,) = model._plan.packed
    for inner, each in zip(packed.layer.layers, model.layers, strict=True):
        assert inner.packed is each.operator.packed
    assert model._plan.constants == {}
    (row,) = model.profile(runs=1)
    assert row.fused == ("CONV_2D", "CONV_2D")
    assert "2 layers on the same rows" in str(row.schedule)


@pytest.mark.parametrize("why", ["stride", "kernel", "input", "tail"])
def test_what_quantizes_otherwise_stays(why):
    """Strides and windows quantize images; another input has other rows; tails."""
    net = Net()
    x = net.input(*SIZE, C)
    other = net.add("RELU", [x], (*SIZE, C)) if why == "input" else x
    changes = {"stride": {"stride": 2}, "kernel": {"kernel": 3}}.get(why, {})
    second = layer(net, other, 40, **changes)
    if why == "tail":
        second = net.add("TANH", [second], (*SIZE, 40))
    model = qd8.load(net.finish(layer(net, x, 33), second))
    assert "SIBLINGS" not in ops(model)
    assert_same(model)


@pytest.mark.parametrize(("channels", "inputs"), [(1, 1), (36, 18)])
def test_of_one_channel_or_in_groups_they_quantize_images(channels, inputs):
    """R11: from 1 channel to 1, and in groups, a 1x1 convolution's row is an image."""
    net = Net()
    x = net.input(*SIZE, channels)
    outputs = 1 if channels == 1 else 8
    both = (layer(net, x, outputs, inputs=inputs) for _ in range(2))
    model = qd8.load(net.finish(*both))
    assert ops(model) == ["CONV_2D", "CONV_2D"]
    assert_same(model)


def test_far_apart_they_stay():
    """Outputs that would wait long for their readers are made later."""
    net = Net()
    x = net.input(*SIZE, C)
    first = y = layer(net, x, 33)
    for _ in range(15):
        y = net.add("SOFTMAX", [y], (*SIZE, 33), Beta=1.0)
        y = net.add("CUMSUM", [y, np.int32(3)], (*SIZE, 33))
    model = qd8.load(net.finish(first, y, layer(net, x, 40)))
    assert "SIBLINGS" not in ops(model)
