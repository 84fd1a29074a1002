"""BATCH_MATMUL, scaled, SOFTMAX, BATCH_MATMUL: attention, without its scores.

The transpositions around it, which bring heads forth and back, are steps in memory.
"""

from math import prod
from typing import NamedTuple

from ..graph import Graph, Node
from ..operators.attention import ATTENTION
from .rewrite import Uses, exchanged, joined
from .strided import RESHAPES, View, source, target

FEWEST = 16  # queries: they lie along the lanes of vectors


class Chain(NamedTuple):
    """The nodes from one product to the other.

    nodes : without the products
    scale : the constant factor of the scores, and its tensor if there is one
    """

    nodes: tuple[Node, ...]
    scale: float
    tensor: int | None


def attention(graph: Graph) -> Graph:
    """Return the graph with each attention as one node."""
    uses = Uses(graph)
    place = {node: number for number, node in enumerate(graph.nodes)}
    fused: dict[Node, Node] = {}
    for first in graph.nodes:
        if not _is_product(graph, first):
            continue
        chain, second = _follow(graph, uses, first)
        if second is None or not _is_product(graph, second):
            continue
        new = _joined(graph, uses, place, first, chain, second)
        if new is not None:
            fused |= dict.fromkeys(new.parts, new)
    return exchanged(graph, fused)


def _is_product(graph: Graph, node: Node) -> bool:
    """Whether a node multiplies two activations in float."""
    computed = not any(i is None or graph.tensors[i].is_constant for i in node.inputs)
    return node.operator.name == "BATCH_MATMUL" and computed


def _follow(graph: Graph, uses: Uses, first: Node) -> tuple[Chain, Node | None]:
    """Return what follows a product up to the next, the softmax among it."""
    nodes: list[Node] = []
    scale, tensor, soft = 1.0, None, False
    scores = graph.tensors[first.outputs[0]]
    at = first
    while (node := uses.only_reader(at.outputs[0])) is not None:
        shape = graph.tensors[node.outputs[0]].shape
        if node.operator.name in RESHAPES and shape[-1:] == scores.shape[-1:]:
            pass
        elif node.operator.name == "SOFTMAX" and not soft:
            soft = True
            if node.options["beta"] != 1:
                break
        elif node.operator.name == "MUL" and tensor is None and not soft:
            tensor = _factor(graph, node, at.outputs[0])
            if tensor is None:
                break
            data = graph.tensors[tensor].data
            assert data is not None
            scale = float(data.reshape(-1)[0])
        else:
            second = node if soft and node.inputs[0] == at.outputs[0] else None
            return Chain(tuple(nodes), scale, tensor), second
        nodes.append(node)
        at = node
    return Chain(tuple(nodes), scale, tensor), None


def _factor(graph: Graph, node: Node, scores: int) -> int | None:
    """Return the scalar constant that scores are multiplied by."""
    others = [i for i in node.inputs if i is not None and i != scores]
    if len(others) != 1 or node.options["activation"] != "none":
        return None
    tensor = graph.tensors[others[0]]
    shape = graph.tensors[node.outputs[0]].shape
    single = tensor.is_constant and prod(tensor.shape) == 1
    return others[0] if single and shape == graph.tensors[scores].shape else None


def _joined(
    graph: Graph,
    uses: Uses,
    place: dict[Node, int],
    first: Node,
    chain: Chain,
    second: Node,
) -> Node | None:
    """Return the node that stands for all, or None where something does not fit."""
    q, k = (source(graph, uses, i) for i in first.inputs if i is not None)
    v = source(graph, uses, second.inputs[1])  # type: ignore[arg-type]
    out = target(graph, uses, second.outputs[0])
    scores = graph.tensors[first.outputs[0]]
    weights = graph.tensors[second.inputs[0]]  # type: ignore[index]
    *batch, T, S = scores.shape
    queries = q.view.swapped() if first.options["adj_x"] else q.view
    keys = k.view.swapped() if first.options["adj_y"] else k.view
    values = v.view.swapped() if second.options["adj_y"] else v.view
    outer = graph.tensors[second.outputs[0]].shape[:-2]
    N = values.shape[-1]
    same = weights.shape == (*outer, T, S) and not second.options["adj_x"]
    if T < FEWEST or not same:
        return None
    steps: dict[str, View | None] = {
        "queries": queries.broadcast(tuple(batch)),
        "keys": keys.broadcast(tuple(batch)),
        "values": values.broadcast(outer).reshaped((*batch, S, N)),
        "outputs": out.view.reshaped((*batch, T, N)),
    }
    found = {name: view.strides for name, view in steps.items() if view is not None}
    if len(found) < len(steps) or (N > 1 and found["outputs"][-1] != 1):
        return None
    moves = (*q.nodes, *k.nodes, *v.nodes, *out.nodes)
    parts = sorted({first, second, *chain.nodes, *moves}, key=place.__getitem__)
    inputs = (q.tensor, k.tensor, v.tensor)
    options = {
        "shape": graph.tensors[out.tensor].shape,
        "steps": found,
        "batch": tuple(batch),
        "sizes": (T, S, queries.shape[-1], N),
        "scale": chain.scale,
    }
    return joined(
        parts,
        index=second.index,
        operator=ATTENTION,
        inputs=inputs if chain.tensor is None else (*inputs, chain.tensor),
        options=options,
    )
