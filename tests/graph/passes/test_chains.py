"""Element-wise nodes that feed one another run as one."""

import numpy as np
import pytest

import qd8
from qd8.graph.passes.elementwise import broadcast
from qd8.kernels.chain_program import CHANNEL, IMAGE, MOST_LINKS, ROW, SAME, SCALAR
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.kernels.float_values import wild
from tests.tflite.net import Net

SHAPE = (2, 3, 5, 19)


def gated_gelu(net):
    """Two inputs, each read more than once, as in a transformer's feed-forward."""
    gate, x = net.input(*SHAPE), net.input(*SHAPE)

    def mul(a, b):
        return net.add("MUL", [a, b], SHAPE)

    half = mul(x, np.float32(0.5))
    linear = mul(gate, np.float32(0.797))
    cubic = net.add(
        "ADD", [mul(mul(gate, gate), np.float32(0.04)), np.float32(1)], SHAPE
    )
    bent = net.add("TANH", [mul(linear, cubic)], SHAPE)
    return mul(mul(half, gate), net.add("ADD", [bent, np.float32(1)], SHAPE))


def affine(net):
    """Operands of channels, of images and of rows, clamped on the way."""
    x = net.input(*SHAPE)
    y = net.add("MUL", [x, net.input(2, 1, 1, 19)], SHAPE, FusedActivationFunction=3)
    y = net.add("SUB", [net.input(19), y], SHAPE)
    y = net.add("MAXIMUM", [y, net.input(2, 3, 5, 1)], SHAPE)
    return net.add("GELU", [y], SHAPE, Approximate=True)


def group_affine(net):
    """An affine function of groups of channels, seen as channels again; then swish."""
    groups, flat = (2, 3, 5, 4, 6), (2, 15, 24)
    x = net.input(*groups)
    y = net.add("MUL", [x, net.input(2, 1, 1, 4, 6)], groups)
    y = net.add("ADD", [y, net.input(2, 1, 1, 4, 6)], groups)
    y = net.add("RESHAPE", [y, [*flat]], flat)
    return net.add("MUL", [y, net.add("LOGISTIC", [y], flat)], flat)


def halves(net):
    """A gated activation of the halves of longer rows."""
    x, shape = net.input(2, 3, 38), (2, 3, 19)

    def half(begin):
        strides = [[0, 0, begin], [0, 0, begin + 19], [1, 1, 1]]
        return net.add("STRIDED_SLICE", [x, *strides], shape, BeginMask=3, EndMask=3)

    gate = net.add("GELU", [half(19)], shape, Approximate=False)
    return net.add("MUL", [half(0), gate], shape)


NETS = {
    "gated gelu": (gated_gelu, 10),
    "affine": (affine, 4),
    "group affine": (group_affine, 5),
    "halves": (halves, 4),
}


def fused(content, precision=None):
    """Load a net; the nodes that run, without casts."""
    model = qd8.load(content, precision=precision)
    assert_nothing_lost(model)
    return model, [n for n in model.fused_graph.nodes if n.operator.name != "CAST"]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", NETS)
def test_bits_are_the_parts(isa, name, precision):
    """NaN and infinities too; rounded to float16 after each operator (C4)."""
    build, count = NETS[name]
    net = Net()
    model, (node,) = fused(net.finish(build(net)), precision)
    assert len(node.parts) == count
    inputs = {e.name: wild(n, *e.shape) for n, e in enumerate(model.inputs)}
    assert_fused_bits(model, inputs)


def test_a_long_chain_is_cut():
    """A program holds so many links; the rest is another one."""
    net = Net()
    y = x = net.input(*SHAPE)
    for _ in range(2 * MOST_LINKS - 1):
        y = net.add("ADD", [y, x], SHAPE)
    model, nodes = fused(net.finish(y))
    assert [len(node.parts) for node in nodes] == [MOST_LINKS - 1, MOST_LINKS]
    value = wild(0, *SHAPE)
    expected = run_reference(model, value)
    assert_same_bits(next(iter(expected.values())), model(value))


def test_a_view_in_front_stays():
    """It costs nothing, and others may read what is behind it."""
    net = Net()
    x = net.add("RESHAPE", [net.input(4, 6), [24]], (24,))
    y = net.add("ADD", [net.add("TANH", [x], (24,)), x], (24,))
    _, nodes = fused(net.finish(y))
    assert [node.operator.name for node in nodes] == ["RESHAPE", "CHAIN"]


@pytest.mark.parametrize(
    ("begin", "strides", "shape"),
    [([0, 1], [1, 2], (4, 3)), ([1, 0], [1, 1], (3, 6)), ([0, 5], [1, -1], (4, 6))],
)
def test_other_slices_are_copies(begin, strides, shape):
    """Steps within a row, and rows left out."""
    net = Net()
    x = net.input(4, 6)
    y = net.add("STRIDED_SLICE", [x, begin, [4, 6], strides], shape, EndMask=3)
    y = net.add("ADD", [net.add("TANH", [y], shape), y], shape)
    _, nodes = fused(net.finish(y))
    assert [node.operator.name for node in nodes] == ["STRIDED_SLICE", "CHAIN"]


def test_a_slice_of_a_producer_is_no_tail(isa):
    """What is cut is larger than the output: it cannot be finished in place."""
    net = Net()
    weight = np.linspace(-1, 1, 12 * 5, dtype=np.float32).reshape(12, 5)
    x = net.add("FULLY_CONNECTED", [net.input(7, 5), weight], (7, 12))
    piece = net.add("STRIDED_SLICE", [x, [0, 3], [7, 11], [1, 1]], (7, 8))
    y = net.add("TANH", [net.add("ABS", [piece], (7, 8))], (7, 8))
    model, nodes = fused(net.finish(y))
    assert [node.operator.name for node in nodes] == ["FULLY_CONNECTED", "CHAIN"]
    value = wild(0, 7, 5)
    expected = run_reference(model, value)
    assert_same_bits(next(iter(expected.values())), model(value))


def test_integers_are_left_alone():
    """They wrap by rules of their own (R29)."""
    net = Net()
    x = net.input(4, dtype="INT32")
    y = net.add("ADD", [x, x], (4,), "INT32")
    _, nodes = fused(net.finish(net.add("MUL", [y, x], (4,), "INT32")))
    assert [node.operator.name for node in nodes] == ["ADD", "MUL"]


def test_what_two_need_is_computed_once():
    """A result that nodes outside read stays a tensor."""
    net = Net()
    x = net.input(4, 6)
    y = net.add("TANH", [x], (4, 6))
    a = net.add("ADD", [y, x], (4, 6))
    b = net.add("SOFTMAX", [y], (4, 6), Beta=1.0)
    _, nodes = fused(net.finish(a, b))
    assert [node.operator.name for node in nodes] == ["TANH", "ADD", "SOFTMAX"]


@pytest.mark.parametrize(
    ("operand", "shape", "expected"),
    [
        ((2, 3, 5), (2, 3, 5), (SAME, 30, 1)),
        ((1, 3, 5), (2, 3, 5), (CHANNEL, 15, 1)),
        ((5,), (2, 3, 5), (CHANNEL, 5, 1)),
        ((2, 1, 5), (2, 3, 5), (IMAGE, 5, 3)),
        ((1, 1, 5), (1, 3, 5), (CHANNEL, 5, 1)),
        ((2, 3, 1), (2, 3, 5), (ROW, 5, 1)),
        ((2, 1, 1), (2, 3, 5), (ROW, 15, 1)),
        ((), (2, 3, 5), (SCALAR, 30, 1)),
        ((1, 1), (2, 3, 5), (SCALAR, 30, 1)),
        ((1,), (1, 1), (SAME, 1, 1)),
        ((1, 3, 1), (2, 3, 5), None),
        ((2, 1, 5, 1), (2, 3, 5, 7), None),
        ((2, 3, 5), (3, 5), None),
    ],
)
def test_ways_of_broadcasting(operand, shape, expected):
    """What a period and a number of rows say; axes of one element are of any kind."""
    assert broadcast(operand, shape) == expected
