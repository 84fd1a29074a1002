"""Channels written where CONCATENATION would copy them, and only where that is safe."""

import numpy as np
import pytest

import qd8
from qd8.kernels import paths
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.tflite.net import Net
from tests.tflite.small import int8, normal, scales
from tests.tflite.write import T

SIZE = (2, 6, 5)
C = 16
KERNELS = {7: (3, 3), 33: (1, 1), 40: (3, 3)}  # output channels: kernel


def convolution(net, x, outputs, kernel, groups=1, activation=0):
    """Add a quantized convolution and its bias."""
    data = int8(outputs, *kernel, C // groups, seed=outputs)
    weight = net.tensor(T(data.shape, "INT8", data, scales(outputs)))
    return net.add(
        "CONV_2D", [x, weight, normal(outputs)], (*SIZE, outputs),
        StrideH=1, StrideW=1, FusedActivationFunction=activation,
    )  # fmt: skip


def branches(net, x):
    """Add three convolutions, two pools, and what is no such kernel's: it is copied."""
    made = [convolution(net, x, n, KERNELS[n], activation=1) for n in KERNELS]
    window = {"FilterHeight": 3, "FilterWidth": 3, "StrideH": 1, "StrideW": 1}
    kinds = "MAX_POOL_2D", "AVERAGE_POOL_2D"
    pools = [net.add(kind, [x], (*SIZE, C), **window) for kind in kinds]
    return [*made[:1], *pools, net.add("NEG", [x], (*SIZE, C)), *made[1:]]


def joined(net, parts, sizes, **options):
    """Add the concatenation of channels."""
    return net.add(
        "CONCATENATION", parts, (*SIZE, sum(sizes)), **{"Axis": 3, **options}
    )


SIZES = (7, C, C, C, 33, 40)


def assert_same(model, seed=0):
    """Every tensor of every path is the reference's."""
    (given,) = model.inputs
    x = normal(*given.shape, seed=seed)
    x[1, 2] += 100  # images of other ranges
    inputs = {given.name: x}
    assert_fused_bits(model, inputs)


@pytest.mark.parametrize("path", ["direct", "winograd"])
@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
def test_bits_are_the_reference_s(isa, precision, path):
    """Slices of odd widths, made by every kernel that can; another is copied."""
    net = Net()
    content = net.finish(joined(net, branches(net, net.input(*SIZE, C)), SIZES))
    with paths.forced(path):
        model = qd8.load(content, precision=precision)
    assert len(model.fused_graph.slices) == 5
    assert_nothing_lost(model)
    assert_same(model)


@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
def test_slices_of_slices(precision):
    """Three deep, each between others; what has a copy in it is copied as a whole."""
    net = Net()
    x = net.input(*SIZE, C)
    parts, sizes = [convolution(net, x, n, KERNELS[n]) for n in (7, 33)], (7, 33)
    inner = joined(net, parts, sizes)
    for n in (9, 5):
        around = [convolution(net, x, m, (3, 3)) for m in (n, n + 1)]
        sizes = n, sum(sizes), n + 1
        inner = joined(net, [around[0], inner, around[1]], sizes)
    mixed = joined(net, [convolution(net, x, 11, (1, 1)), x], (11, C))
    whole = joined(net, [mixed, inner], (11 + C, sum(sizes)))
    model = qd8.load(net.finish(whole), precision=precision)
    graph = model.fused_graph
    kinds = [node.operator.name for node in graph.nodes]
    (output,) = graph.nodes[-1 - kinds[::-1].index("CONCATENATION")].outputs
    found = [each.tensor == output for each in graph.slices.values()]
    assert (sum(found), len(found)) == (9, 10)
    assert_nothing_lost(model)
    assert_same(model)


def test_groups_and_fully_connected(isa):
    """Groups of channels have places of their own within a slice; so have rows."""
    net = Net()
    x = net.input(*SIZE, C)
    data = int8(9, C)
    weight = net.tensor(T(data.shape, "INT8", data, scales(9)))
    rows = net.add("FULLY_CONNECTED", [x, weight, -1], (*SIZE, 9), KeepNumDims=True)
    parts = [convolution(net, x, 12, (3, 3), groups=4), rows]
    model = qd8.load(net.finish(joined(net, parts, (12, 9))))
    assert len(model.fused_graph.slices) == 2
    assert_same(model)


@pytest.mark.parametrize(
    "why", ["twice", "read", "output", "axis", "clamped", "float", "tail"]
)
def test_what_must_be_copied_is(why):
    """Two readers, an output, an axis that is not the last, a clamp, float, a tail."""
    net = Net()
    x = net.input(*SIZE, C)
    if why == "float":
        part = net.add("NEG", [x], (*SIZE, C))
    else:
        part = convolution(net, x, C, (3, 3))
    if why == "tail":
        part = net.add("TANH", [part], (*SIZE, C))
    parts = [part, part if why == "twice" else x]
    more = {"FusedActivationFunction": 1} if why == "clamped" else {}
    y = joined(net, parts, (C, C), **more)
    if why == "axis":
        net.calls.pop()
        y = net.add("CONCATENATION", parts, (2, 12, 5, C), Axis=1)
    outputs = [y]
    if why == "read":
        outputs.append(net.add("NEG", [part], (*SIZE, C)))
    if why == "output":
        outputs.append(part)
    model = qd8.load(net.finish(*outputs))
    assert model.fused_graph.slices == {}
    assert_same(model)


def test_an_arena_holds_a_slice_once():
    """A slice takes no place besides the whole, which lives from its first slice on."""
    net = Net()
    x = net.input(*SIZE, C)
    first = convolution(net, x, C, (3, 3))
    second = convolution(net, net.add("NEG", [x], (*SIZE, C)), C, (3, 3))
    content = net.finish(joined(net, [first, second], (C, C)))
    model = qd8.load(content)
    model(normal(*SIZE, C))
    (context,) = model._plan._pool
    whole = context.arrays[model.fused_graph.nodes[-1].outputs[0]]
    for i, (_, begin) in model.fused_graph.slices.items():
        assert np.shares_memory(whole[..., begin : begin + C], context.arrays[i])
    assert model._plan.arena_bytes < qd8.load(content, passes=())._plan.arena_bytes
    assert_same(model)
