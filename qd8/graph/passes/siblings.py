"""Fully connected layers that read one tensor, as one: its rows are quantized once.

So are convolutions over pixels, which are fully connected (R11). They run where the
first of them ran, since they read nothing else that is computed.
"""

from dataclasses import replace

from ..graph import Graph, Node
from ..operators.siblings import SIBLINGS
from .rewrite import joined

# Nodes from the first to the last: outputs that wait for their readers take memory.
REACH = 24


def siblings(graph: Graph) -> Graph:
    """Return the graph with such layers as one node with several outputs."""
    families: dict[tuple[int, int], list[list[tuple[int, Node]]]] = {}
    for place, node in enumerate(graph.nodes):
        key = _rows(graph, node)
        if key is None:
            continue
        known = families.setdefault(key, [])
        if known and place - known[-1][0][0] <= REACH:
            known[-1].append((place, node))
        else:
            known.append([(place, node)])
    fused: dict[Node, Node] = {}
    for found in families.values():
        for family in found:
            parts = [node for _, node in family]
            if len(parts) > 1:
                fused |= dict.fromkeys(parts, _together(parts))
    nodes = [fused.get(node, node) for node in graph.nodes]
    return graph.replace(nodes=tuple(dict.fromkeys(nodes)))


def _together(parts: list[Node]) -> Node:
    """Return the node of several layers; outputs in their order."""
    new = joined(parts, operator=SIBLINGS, options={})
    outputs = tuple(i for node in parts for i in node.outputs)
    return replace(new, outputs=outputs, reason="several layers on the same rows")


def _rows(graph: Graph, node: Node) -> tuple[int, int] | None:
    """Return the tensor whose rows a node quantizes and their length, or None."""
    if not node.quantized or node.tail is not None or node.parts:
        return None
    if node.operator.name not in ("FULLY_CONNECTED", "CONV_2D"):
        return None
    shape, x = graph.tensors[node.weight].shape, node.inputs[0]
    assert x is not None
    if node.operator.name == "CONV_2D" and not quantizes_pixels(graph, node):
        return None
    return x, shape[-1]


def quantizes_pixels(graph: Graph, node: Node) -> bool:
    """Whether a quantized convolution is a fully connected over pixels (R11)."""
    shape, options = graph.tensors[node.weight].shape, node.options
    over_pixels = shape[1:3] == (1, 1) and shape != (1, 1, 1, 1)
    return (
        over_pixels
        and options["groups"] == 1
        and tuple(options["stride"]) == (1, 1)
        and options["padding"] in ("SAME", "VALID")
    )
