"""A MUL by channels runs where the layer that reads it quantizes its rows."""

import numpy as np
import pytest

import qd8
from qd8.kernels import paths
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.tflite.net import Net
from tests.tflite.small import RELU, SAME, int8, normal, scales
from tests.tflite.write import T

SIZE = (2, 9, 5)


def excited(net, x, factors, C, outputs=40, *, kernel=1, activation=0, swapped=False):
    """Add the product of an image by factors, a convolution of it and its swish."""
    operands = [factors, x] if swapped else [x, factors]
    product = net.add(
        "MUL", operands, (*SIZE, C), FusedActivationFunction=activation
    )  # fmt: skip
    shape = (outputs, kernel, kernel, C)
    weight = net.tensor(T(shape, "INT8", int8(*shape, seed=C), scales(outputs)))
    made = net.add(
        "CONV_2D", [product, weight, normal(outputs)], (*SIZE, outputs),
        StrideH=1, StrideW=1, Padding=SAME,
    )  # fmt: skip
    gate = net.add("LOGISTIC", [made], (*SIZE, outputs))
    return net.add("MUL", [made, gate], (*SIZE, outputs)), product


def layers_of(model):
    """Return the nodes that multiply their rows."""
    return [node for node in model.fused_graph.nodes if node.factors is not None]


def assert_same(model, C):
    """Every tensor is the reference's; ranges differ by image, not all are finite."""
    given = {each.name: normal(*each.shape, seed=3) for each in model.inputs}
    x, *factors = given.values()
    x[1] *= 1000
    x[0, 2, 3, C // 2], x[0, 1], x[1, 0, 0] = np.inf, 0, 1e-30
    for each in factors:
        each[..., 0], each[..., -1] = 0, 1e-20
    assert_fused_bits(model, given, threads=(1, 2, 3))


@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("C", [5, 64, 1003])
def test_bits_are_those_of_the_parts(isa, precision, images, C):
    """Factors of each image, or of all; few rows of products at once, and many."""
    net = Net()
    x, factors = net.input(*SIZE, C), net.input(images, 1, 1, C)
    y, product = excited(net, x, factors, C, swapped=images == 1)
    model = qd8.load(net.finish(y), precision=precision)
    (node,) = layers_of(model)
    assert node.tail is not None
    assert node.parts[0].operator.name == "MUL"
    assert product not in {i for n in model.fused_graph.nodes for i in n.outputs}
    assert_nothing_lost(model)
    assert_same(model, C)


def test_complemented_weights(isa):
    """Rows are copied fourfold after they are multiplied."""
    net = Net()
    y, _ = excited(net, net.input(*SIZE, 64), net.input(1, 1, 1, 64), 64)
    with paths.forced("maddubs"):
        model = qd8.load(net.finish(y))
        assert layers_of(model)
        assert_same(model, 64)


def test_factors_may_be_a_constant():
    """What a file multiplies channels by."""
    net = Net()
    y, _ = excited(net, net.input(*SIZE, 64), normal(1, 1, 1, 64), 64)
    model = qd8.load(net.finish(y))
    assert layers_of(model)
    assert_same(model, 64)


@pytest.mark.parametrize("why", ["kernel", "clamp", "reader", "float", "rows", "off"])
def test_what_does_not_fit_stays(why):
    """Images are quantized as a whole; clamped, read elsewhere, factors of rows."""
    C, net = 48, Net()
    x = net.input(*SIZE, C)
    factors = net.input(*((2, 9, 1, C) if why == "rows" else (1, 1, 1, C)))
    kernel, activation = 1 + 2 * (why == "kernel"), RELU if why == "clamp" else 0
    y, product = excited(net, x, factors, C, kernel=kernel, activation=activation)
    more = [net.add("NEG", [product], (*SIZE, C))] if why == "reader" else []
    names = [each for each in qd8.graph.passes.pass_names(None) if each != "scaled"]
    model = qd8.load(
        net.finish(y, *more),
        precision="fp32" if why == "float" else "qd8-f32",
        passes=names if why == "off" else None,
    )
    assert layers_of(model) == []
    assert_same(model, C)
