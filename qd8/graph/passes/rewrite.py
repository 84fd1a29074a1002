"""What passes ask of a graph - who makes a tensor, who reads it - and the exchange.

Nothing here knows an operator.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..graph import Graph, Node


class Uses:
    """Who makes and who reads each tensor of a graph.

    maker : {tensor: node}, of tensors that a node computes
    readers : {tensor: nodes}, a node as often as it reads it
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.maker = {i: node for node in graph.nodes for i in node.outputs}
        self.readers: dict[int, list[Node]] = {}
        for node in graph.nodes:
            for i in node.inputs:
                if i is not None:
                    self.readers.setdefault(i, []).append(node)
        self._outputs = set(graph.outputs.values())

    def only_reader(self, i: int) -> Node | None:
        """Return the node that alone reads a tensor, once or more often.

        None if several read it, or none, or if it is an output of the graph: then
        the tensor must exist, and no pass may take it away.
        """
        nodes = self.readers.get(i, [])
        if i in self._outputs or len(set(nodes)) != 1:
            return None
        return nodes[0]

    def only_read_by(self, i: int, nodes: Iterable[Node]) -> bool:
        """Whether nobody else reads a tensor, and it is no output of the graph."""
        return i not in self._outputs and {*self.readers.get(i, [])} <= {*nodes}


def joined(parts: Sequence[Node], **changes: Any) -> Node:
    """Return the node that stands for several, which are in the order of the graph.

    It is like the first, reads what they read and do not make themselves, and makes
    the outputs of the last; ``changes`` replace fields of it.
    """
    made = {i for node in parts for i in node.outputs}
    read = [i for node in parts for i in node.inputs if i is not None]
    fields: dict[str, Any] = {
        "inputs": tuple(dict.fromkeys(i for i in read if i not in made)),
        "outputs": parts[-1].outputs,
        "parts": tuple(flattened(parts)),
    }
    return replace(parts[0], **{**fields, **changes})


def flattened(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes of the unfused graph that some nodes stand for."""
    return [part for node in nodes for part in (node.parts or (node,))]


def exchanged(graph: Graph, fused: Mapping[Node, Node]) -> Graph:
    """Return a graph with each fused node at the place of the last that it replaces.

    Parameters
    ----------
    fused : {a node of the graph: the node that stands for it}
        Everything that a fused node reads is computed before the last of its parts,
        so there it may run; of its outputs nobody knew earlier.
    """
    if not fused:
        return graph
    last = {new: old for old in graph.nodes if (new := fused.get(old)) is not None}
    nodes = []
    for node in graph.nodes:
        new = fused.get(node)
        if new is None:
            nodes.append(node)
        elif last[new] is node:
            nodes.append(new)
    return graph.replace(nodes=tuple(nodes))
