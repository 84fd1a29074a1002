"""Tensors that live at the same time never share a byte, unless one is the other."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qd8.graph.arena import ALIGNMENT, allocate, lifetimes, owners, place
from qd8.graph.graph import Graph, Node, Tensor
from qd8.graph.operators import OPERATORS


@st.composite
def graphs(draw):
    """Draw a graph of ADDs, reshapes and joins; their shapes need not make sense."""
    count = draw(st.integers(1, 24))
    lengths = draw(
        st.lists(st.sampled_from([3, 64, 300]), min_size=count + 1, max_size=count + 1)
    )
    tensors = [Tensor(f"t{i}", (n,), np.dtype("f4")) for i, n in enumerate(lengths)]
    nodes = []
    for i in range(count):
        kind = draw(st.sampled_from(["ADD", "RESHAPE", "CONCATENATION"]))
        inputs = tuple(draw(st.integers(0, i)) for _ in range(1 + (kind == "ADD")))
        if kind == "RESHAPE":
            tensors[i + 1] = replace(tensors[inputs[0]], name=f"t{i + 1}")
        nodes.append(Node(i, OPERATORS[kind], inputs, (i + 1,), {}))
    outputs = {"y": count, "z": draw(st.integers(0, count))}
    return Graph("net", tuple(tensors), tuple(nodes), {"x": 0}, outputs)


@given(graphs())
def test_neighbours_in_time_are_apart_in_memory(graph):
    """Also aligned, and within the block; a reshape lies where its input does."""
    offsets, size = place(graph)
    arrays = allocate(graph, offsets, size)
    lives = lifetimes(graph)
    assert set(lives) == set(range(len(graph.tensors)))
    owner = owners(graph)
    for i, array in arrays.items():
        assert array.ctypes.data % ALIGNMENT == 0
        assert offsets[i] + array.nbytes <= size
        for j, other in arrays.items():
            overlap = lives[i][0] <= lives[j][1] and lives[j][0] <= lives[i][1]
            if i < j and overlap and owner[i] != owner[j]:
                assert not np.shares_memory(array, other), (i, j)
    for node in graph.nodes:
        if node.operator.is_view:
            assert offsets[node.outputs[0]] == offsets[node.inputs[0]]


@given(graphs())
def test_what_is_read_later_is_not_written_over(graph):
    """Run the graph on the places alone: every read finds what its tensor wrote."""
    offsets, _ = place(graph)
    holds = {offsets[i]: i for i in graph.inputs.values()}
    same = {i: i for i in range(len(graph.tensors))}
    for node in graph.nodes:
        for i in node.inputs:
            assert same[holds[offsets[i]]] == same[i]
        (output,) = node.outputs
        if node.operator.is_view:
            same[output] = same[node.inputs[0]]
        holds[offsets[output]] = output
    for i in graph.outputs.values():
        assert same[holds[offsets[i]]] == same[i]


def chain(operator):
    """Make a graph of 49 times one operator, and count its bytes."""
    tensors = tuple(Tensor(f"t{i}", (256,), np.dtype("f4")) for i in range(50))
    nodes = tuple(Node(i, operator, (i,), (i + 1,), {}) for i in range(49))
    return place(Graph("net", tensors, nodes, {"x": 0}, {"y": 49}))[1]


def test_a_chain_needs_two_places():
    """However long: what is read and what is written; one where that may be one."""
    assert chain(OPERATORS["PAD"]) == 2 * 1024
    assert chain(OPERATORS["RELU"]) == 1024
    assert chain(OPERATORS["RESHAPE"]) == 1024


def copies(lengths):
    """Return a graph of copies, each of the last; what is short is still a tensor."""
    tensors = [Tensor(f"t{i}", (n,), np.dtype("f4")) for i, n in enumerate(lengths)]
    nodes = [
        Node(i, OPERATORS["CONCATENATION"], (i,), (i + 1,), {})
        for i in range(len(lengths) - 1)
    ]
    return Graph("net", tuple(tensors), tuple(nodes), {"x": 0}, {"y": len(nodes)})


def test_places_lie_around_one_middle():
    """Halves of what is written there are halves of what was there before."""
    lengths = [1600, 1600, 800, 800, 400, 320, 64]
    offsets, size = place(copies(lengths))
    middles = [offsets[i] + 2 * n for i, n in enumerate(lengths)]
    for i, middle in enumerate(middles):
        assert abs(middle - middles[i % 2]) < ALIGNMENT
    assert size == 4 * 3200


@pytest.mark.parametrize("lengths", [(80, 80, 96, 160, 64), (80, 80, 80, 192, 96)])
def test_middles_cost_little_memory(lengths):
    """Where they would take more than an eighth more, places are the lowest."""
    _, size = place(copies(lengths))
    with mock.patch("qd8.graph.arena._around", return_value=None):
        _, least = place(copies(lengths))
    assert size == least
    with mock.patch("qd8.graph.arena.SPARE", 1):
        assert place(copies(lengths))[1] > least * 9 / 8
