"""Tensors that live at the same time never share a byte."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qd8.graph.arena import ALIGNMENT, allocate, lifetimes, place
from qd8.graph.graph import Graph, Node, Tensor
from qd8.graph.operators import OPERATORS


@st.composite
def graphs(draw):
    """Draw a graph of ADDs on vectors of any length; shapes do not matter here."""
    count = draw(st.integers(1, 24))
    lengths = draw(
        st.lists(st.integers(1, 300), min_size=count + 1, max_size=count + 1)
    )
    tensors = [Tensor(f"t{i}", (n,), np.dtype("f4")) for i, n in enumerate(lengths)]
    nodes = []
    for i in range(count):
        inputs = tuple(draw(st.integers(0, i)) for _ in range(2))
        nodes.append(Node(i, OPERATORS["ADD"], inputs, (i + 1,), {}))
    outputs = {"y": count, "z": draw(st.integers(0, count))}
    return Graph("net", tuple(tensors), tuple(nodes), {"x": 0}, outputs)


@given(graphs())
def test_neighbours_in_time_are_apart_in_memory(graph):
    """Also aligned, and within the block."""
    offsets, size = place(graph)
    arrays = allocate(graph, offsets, size)
    lives = lifetimes(graph)
    assert set(lives) == set(range(len(graph.tensors)))
    for i, array in arrays.items():
        assert array.ctypes.data % ALIGNMENT == 0
        assert offsets[i] + array.nbytes <= size
        for j, other in arrays.items():
            overlap = lives[i][0] <= lives[j][1] and lives[j][0] <= lives[i][1]
            if i < j and overlap:
                assert not np.shares_memory(array, other), (i, j)


def test_a_chain_needs_two_places():
    """However long: what is read and what is written."""
    tensors = tuple(Tensor(f"t{i}", (256,), np.dtype("f4")) for i in range(50))
    nodes = tuple(Node(i, OPERATORS["RELU"], (i,), (i + 1,), {}) for i in range(49))
    graph = Graph("net", tensors, nodes, {"x": 0}, {"y": 49})
    assert place(graph)[1] == 2 * 1024
