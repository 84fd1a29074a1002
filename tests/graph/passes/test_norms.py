"""Layer norms run as one node, group norms without copies of their input."""

import numpy as np
import pytest

import qd8
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.kernels.float_values import floats, wild
from tests.tflite.net import Net

ROWS, CHANNELS = 5, 21
EPSILON = np.float32(1e-5)


def layer_norm(*, axis=2, also="", relu=0, other_mean=False, gamma_rank=1, keep=True):
    """Build what Keras' layer normalization is converted to, or a relative of it."""
    net = Net()
    shape, row = (1, ROWS, CHANNELS), (1, ROWS, 1)
    if axis == 1:
        shape, row = (1, CHANNELS, CHANNELS), (1, 1, CHANNELS)
    if not keep:
        shape, row = (1, CHANNELS, CHANNELS), (1, CHANNELS)
    g_shape = shape if axis == 2 and keep else row
    x = net.input(*shape)
    gamma, beta = floats(1, *shape[3 - gamma_rank :]), floats(2, CHANNELS)
    made = {}
    made["mean"] = net.add("MEAN", [x, [axis]], row, KeepDims=keep)
    centre = net.input(*row) if other_mean else made["mean"]
    squares = net.add("SQUARED_DIFFERENCE", [x, centre], shape)
    variance = net.add("MEAN", [squares, [axis]], row, KeepDims=keep)
    made["inverse"] = net.add("RSQRT", [net.add("ADD", [EPSILON, variance], row)], row)
    made["g"] = net.add("MUL", [made["inverse"], gamma], g_shape)
    scaled = net.add("MUL", [made["g"], x], shape, FusedActivationFunction=relu)
    shift = net.add("MUL", [made["mean"], made["g"]], g_shape)
    shift = net.add("SUB", [beta, shift], g_shape)
    y = net.add("ADD", [scaled, shift], shape)
    return net.finish(y, *([made[also]] if also else []))


def group_norm(*, channels=3, also=False, relu=0, per_channel=False, op="SUM"):
    """Build a group norm of five axes up to its variance, or sum of squares."""
    net = Net()
    shape, group = (2, 4, 3, 6, channels), (2, 1, 1, 6, 1)
    x = net.input(*shape)
    total = net.add("SUM", [x, [1, 2, 4]], group, KeepDims=True)
    share = np.full((1, 1, 1, 6, 1), 1 / (12 * channels), np.float32)
    mean = net.add("MUL", [total, share], group)
    centre = net.input(2, 1, 1, 6, channels) if per_channel else mean
    difference = net.add("SUB", [x, centre], shape, FusedActivationFunction=relu)
    squares = net.add("SQUARE", [difference], shape)
    total = net.add(op, [squares, [1, 2, 4]], group, KeepDims=True)
    return net.finish(mean, total, *([squares] if also else []))


def ops(model):
    """Name the operators of the nodes that run, without casts at the edges."""
    names = [node.operator.name for node in model.fused_graph.nodes]
    return [name for name in names if name != "CAST"]


def assert_bits(model, make=floats):
    """Every tensor that the fused graph computes is the definition's."""
    assert_nothing_lost(model)
    inputs = {each.name: make(n, *each.shape) for n, each in enumerate(model.inputs)}
    assert_fused_bits(model, inputs)


@pytest.mark.parametrize("precision", ["fp32", "qd8-f16", "fp16"])
@pytest.mark.parametrize("make", [floats, wild])
def test_layer_norm(isa, precision, make):
    """One node, whichever way factors and terms stand; statistics stay float32."""
    model = qd8.load(layer_norm(), precision=precision)
    assert ops(model) == ["LAYER_NORM"]
    assert_bits(model, make)


@pytest.mark.parametrize(
    "changes",
    [
        {"axis": 1},
        {"also": "mean"},
        {"also": "inverse"},
        {"also": "g"},
        {"relu": 1},
        {"other_mean": True},
        {"gamma_rank": 2},
        {"keep": False},
    ],
)
def test_what_only_looks_like_it_stays(changes):
    """Another axis, mean or gamma, a clamp, or a reader of what would not be there."""
    model = qd8.load(layer_norm(**changes))
    assert "LAYER_NORM" not in ops(model)
    assert_bits(model)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("channels", [1, 3, 8, 20])
def test_group_norm(isa, precision, channels):
    """In float16 the sum of x needs no copy either."""
    model = qd8.load(group_norm(channels=channels), precision=precision)
    first = "GROUP_SUM" if precision == "fp16" else "SUM"
    assert ops(model) == [first, "MUL", "GROUP_SUM"]
    assert_bits(model, wild)


@pytest.mark.parametrize(
    "changes", [{"also": True}, {"relu": 1}, {"per_channel": True}]
)
def test_squares_of_something_else_stay(changes):
    """An output of the graph; a clamped difference; not one number for a group."""
    model = qd8.load(group_norm(**changes))
    assert "GROUP_SUM" not in ops(model)
    assert_bits(model)


@pytest.mark.parametrize("channels", [3, 8])
def test_mean_of_squares(channels):
    """The sum is divided by all that a group holds."""
    model = qd8.load(group_norm(channels=channels, op="MEAN"))
    assert ops(model) == ["SUM", "MUL", "GROUP_SUM"]
    assert_bits(model)
