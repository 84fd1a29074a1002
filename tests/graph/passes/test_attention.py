"""Attention runs as one node, and the transpositions of its heads not at all."""

import numpy as np
import pytest

import qd8
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.kernels.float_values import floats, wild
from tests.tflite.net import Net

T, S, HEADS, WIDTH = 33, 21, 3, 5
SOFTMAX = {"Beta": 1.0}


def heads(net, x, tokens, perm):
    """Reshape (1, tokens, HEADS * WIDTH) to heads, and move them to the front."""
    x = net.add("RESHAPE", [x, [1, tokens, HEADS, WIDTH]], (1, tokens, HEADS, WIDTH))
    shape = [(1, tokens, HEADS, WIDTH)[axis] for axis in perm]
    x = net.add("TRANSPOSE", [x, [*perm]], shape)
    return net.add("RESHAPE", [x, [*shape[1:]]], shape[1:])


def net(*, tokens=T, scaled=True, masked=False, beta=1.0, also=None, adj_y=False):
    """Build what diffusers' cross attention is converted to, or a relative of it."""
    built = Net()
    q, k, v = (built.input(1, n, HEADS * WIDTH) for n in (tokens, S, S))
    q = heads(built, q, tokens, (0, 2, 1, 3))
    k = heads(built, k, S, (0, 2, 1, 3) if adj_y else (0, 2, 3, 1))
    v = heads(built, v, S, (0, 2, 1, 3))
    shape = (HEADS, tokens, S)
    scores = built.add("BATCH_MATMUL", [q, k], shape, AdjY=adj_y)
    x = scores
    if scaled:
        x = built.add("MUL", [np.float32(0.4472), x], shape)
    if masked:
        x = built.add("ADD", [x, built.input(*shape)], shape)
    x = built.add("RESHAPE", [x, [1, *shape]], (1, *shape))
    weights = built.add("SOFTMAX", [x], (1, *shape), Beta=beta)
    x = built.add("RESHAPE", [weights, [*shape]], shape)
    x = built.add("BATCH_MATMUL", [x, v], (HEADS, tokens, WIDTH))
    x = built.add("RESHAPE", [x, [1, HEADS, tokens, WIDTH]], (1, HEADS, tokens, WIDTH))
    x = built.add("TRANSPOSE", [x, [0, 2, 1, 3]], (1, tokens, HEADS, WIDTH))
    x = built.add("RESHAPE", [x, [tokens, HEADS * WIDTH]], (tokens, HEADS * WIDTH))
    more = {"scores": [scores], "weights": [weights], None: []}[also]
    return built.finish(x, *more)


def ops(model):
    """Name the operators of the nodes that run, without views and casts."""
    names = [node.operator.name for node in model.fused_graph.nodes]
    return [name for name in names if name not in ("CAST", "RESHAPE")]


def assert_bits(model, make=floats):
    """Every tensor that the fused graph computes is the definition's."""
    assert_nothing_lost(model)
    inputs = {each.name: make(n, *each.shape) for n, each in enumerate(model.inputs)}
    assert_fused_bits(model, inputs)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("adj_y", [False, True])
@pytest.mark.parametrize("make", [floats, wild])
def test_bits_are_the_parts(isa, precision, scaled, adj_y, make):
    """Heads are read and written where they lie; float16 rounds every tensor (C4)."""
    model = qd8.load(net(scaled=scaled, adj_y=adj_y), precision=precision)
    assert ops(model) == ["ATTENTION"]
    assert_bits(model, make)


@pytest.mark.parametrize(
    "changes",
    [{"masked": True}, {"beta": 0.5}, {"also": "scores"}, {"also": "weights"}],
)
def test_what_only_looks_like_it_stays(changes):
    """A mask, another base, and scores or weights that somebody else wants."""
    model = qd8.load(net(**changes))
    assert "ATTENTION" not in ops(model)
    assert_bits(model)


def test_few_queries_stay():
    """A block of queries would leave its lanes empty."""
    assert "ATTENTION" not in ops(qd8.load(net(tokens=15)))
    assert "ATTENTION" in ops(qd8.load(net(tokens=16)))


def test_a_transposition_that_another_reads_stays():
    """Heads that are needed as they are: only then the copy is made."""
    built = Net()
    x = built.input(1, T, HEADS * WIDTH)
    q, v = (heads(built, x, T, (0, 2, 1, 3)) for _ in "qv")
    k = heads(built, x, T, (0, 2, 3, 1))
    scores = built.add("BATCH_MATMUL", [q, k], (HEADS, T, T))
    weights = built.add("SOFTMAX", [scores], (HEADS, T, T), **SOFTMAX)
    y = built.add("BATCH_MATMUL", [weights, v], (HEADS, T, WIDTH))
    model = qd8.load(built.finish(y, built.add("ABS", [v], (HEADS, T, WIDTH))))
    assert ops(model) == ["TRANSPOSE", "ATTENTION", "ABS"]
    assert_bits(model)


def test_matrices_that_batches_share(isa):
    """Keys and values of one head for all queries."""
    built = Net()
    q, k, v = built.input(2, 3, T, 4), built.input(3, 4, S), built.input(1, S, 6)
    scores = built.add("BATCH_MATMUL", [q, k], (2, 3, T, S))
    weights = built.add("SOFTMAX", [scores], (2, 3, T, S), **SOFTMAX)
    y = built.add("BATCH_MATMUL", [weights, v], (2, 3, T, 6))
    model = qd8.load(built.finish(y))
    assert ops(model) == ["ATTENTION"]
    assert_bits(model)
