"""Transpositions joined, and those that move nothing not run at all."""

from math import prod

import numpy as np
import pytest

import qd8
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.tflite.net import Net

CASES = [
    ((1, 3, 1, 4), [(0, 3, 1, 2)], ["TRANSPOSE"]),
    ((1, 3, 1, 4), [(2, 1, 3, 0)], ["RESHAPE"]),  # only extents of 1 move
    ((2, 3, 4), [(2, 0, 1), (1, 2, 0)], ["RESHAPE"]),  # there and back
    ((2, 3, 4), [(2, 0, 1), (2, 0, 1)], ["TRANSPOSE"]),
    ((2, 3, 4), [(2, 0, 1), (2, 0, 1), (2, 0, 1)], ["RESHAPE"]),
    ((2, 3), [(0, 1)], ["RESHAPE"]),
]


def net(shape, perms, *, also=False):
    """Build RELU, transpositions and NEG."""
    built = Net()
    x = first = built.add("RELU", [built.input(*shape)], shape)
    for perm in perms:
        shape = tuple(shape[axis] for axis in perm)
        x = built.add("TRANSPOSE", [x, list(perm)], shape)
        first = x if also else first
    return built.finish(built.add("NEG", [x], shape), first)


@pytest.mark.parametrize(("shape", "perms", "expected"), CASES)
def test_bits_are_the_parts(shape, perms, expected):
    """What is left is what moves elements, and the answer is the reference's."""
    model = qd8.load(net(shape, perms))
    ops = [node.operator.name for node in model.fused_graph.nodes]
    assert ops == ["RELU", *expected, "NEG"]
    assert_nothing_lost(model)
    x = np.arange(prod(shape), dtype=np.float32).reshape(shape) - 3
    inputs = {model.inputs[0].name: x}
    assert_fused_bits(model, inputs, threads=(1,))


def test_a_tensor_that_is_wanted_stays():
    """An output between two transpositions is computed."""
    model = qd8.load(net((2, 3, 4), [(2, 0, 1)], also=True))
    ops = [node.operator.name for node in model.fused_graph.nodes]
    assert ops == ["RELU", "TRANSPOSE", "NEG"]
