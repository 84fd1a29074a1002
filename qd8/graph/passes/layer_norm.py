"""Layer normalization, as tf.nn.batch_normalization spells it, as one node.

CASTs between float16 activations and float32 statistics (R30) are part of it.
"""

import numpy as np

from ..graph import Graph, Node
from ..operators.layer_norm import LAYER_NORM
from .pattern import Match, closed, match
from .rewrite import Uses, exchanged, joined

PATTERN = {
    "y": ("ADD", "scaled", "shift"),
    "scaled": ("MUL", "x", "g"),
    "shift": ("SUB", "beta", "shifted"),
    "shifted": ("MUL", "mean", "g"),
    "g": ("MUL", "inverse", "gamma"),
    "inverse": ("RSQRT", "sum"),
    "sum": ("ADD", "variance", "epsilon"),
    "variance": ("MEAN", "squares"),
    "squares": ("SQUARED_DIFFERENCE", "x", "mean"),
    "mean": ("MEAN", "x"),
}
STATISTICS = ("squares", "variance", "sum", "inverse", "g")  # float32 (R30)


def layer_norm(graph: Graph) -> Graph:
    """Return the graph with each layer norm as one node."""
    uses = Uses(graph)
    place = {node: number for number, node in enumerate(graph.nodes)}
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator.name != "ADD":
            continue
        found = match(uses, PATTERN, node)
        if found and _fits(graph, found) and closed(graph, uses, found, node):
            new = _joined(graph, place, found)
            fused |= dict.fromkeys(new.parts, new)
    return exchanged(graph, fused)


def _fits(graph: Graph, found: Match) -> bool:
    """Whether it is over the last axis, and rounds where the kernel does."""
    tensors = {name: graph.tensors[i] for name, i in found.tensors.items()}
    x = tensors["x"]
    last = len(x.shape) - 1
    means = [found.nodes[name].options for name in ("mean", "variance")]
    per_channel = {tensors[name].shape for name in ("gamma", "beta")}
    activations = ("mean", "scaled", "shifted", "shift", "beta", "y")
    return (
        all(each["axes"] == (last,) and each["keepdims"] for each in means)
        and per_channel == {x.shape[-1:]}
        and tensors["y"].shape == x.shape
        and tensors["epsilon"].is_constant
        and tensors["epsilon"].shape in ((), (1,))
        and all(tensors[name].dtype == x.dtype for name in activations)
        and all(tensors[name].dtype == np.float32 for name in (*STATISTICS, "gamma"))
    )


def _joined(graph: Graph, place: dict[Node, int], found: Match) -> Node:
    epsilon = graph.tensors[found.tensors["epsilon"]].data
    assert epsilon is not None
    names = ("x", "gamma", "beta", "epsilon")
    return joined(
        sorted(found.all_nodes, key=place.__getitem__),
        index=found.nodes["y"].index,
        operator=LAYER_NORM,
        inputs=tuple(found.tensors[name] for name in names),
        options={"epsilon": float(epsilon.reshape(-1)[0])},
    )
