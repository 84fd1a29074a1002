"""Ranges that are found as images are made, and who takes them (passes/ranges.py)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .graph import Graph, Node

if TYPE_CHECKING:
    from qd8.kernels.launch import Call

States = Mapping[int, npt.NDArray[np.float32]]


def new_states(graph: Graph, threads: int) -> States:
    """Return {tensor: what its maker has seen of it}; several threads see nothing."""
    made = [node.outputs[0] for node in graph.nodes if node.ranged]
    if threads > 1 or not made:
        return {}
    from qd8.kernels.range_tail import new_state

    return {i: new_state() for i in made}


def with_ranges(
    graph: Graph, node: Node, calls: "list[Call]", states: States
) -> "list[Call]":
    """Return the calls of a node that begin, or take instead of their own, a range."""
    if not states:
        return calls
    from qd8.kernels.range_tail import bind_begin, with_state

    from .passes.ranges import reads_images

    source = node.inputs[0] if node.inputs else None
    if source is not None and source in states and reads_images(graph, node):
        calls = with_state(calls, states[source])
    if node.outputs[0] in states:
        calls = [bind_begin(states[node.outputs[0]]), *calls]
    return calls
