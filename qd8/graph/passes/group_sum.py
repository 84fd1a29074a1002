"""SUM or MEAN over groups of channels, of x or of SQUARE(x - m), as one reading of x.

That is how a group norm finds its mean and its variance. Where activations are float16
the sums are float32 (R30): the CAST before them is part of the reading too.
"""

import numpy as np

from qd8.kernels.groups import grouped

from ..graph import Graph, Node
from ..operators.group_sum import GROUP_SUM
from .rewrite import Uses, exchanged, joined

Parts = tuple[Node, ...]


def group_sum(graph: Graph) -> Graph:
    """Return the graph with sums over groups that read x itself."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator.name not in ("SUM", "MEAN"):
            continue
        new = _of_squares(graph, uses, node) or _of_cast(graph, uses, node)
        if new is not None:
            fused |= dict.fromkeys(new.parts, new)
    return exchanged(graph, fused)


def _maker(uses: Uses, node: Node, name: str) -> Node | None:
    """Return the node of this name that makes a node's input, for it alone."""
    (read,) = (i for i in node.inputs if i is not None)
    maker = uses.maker.get(read)
    alone = maker is not None and uses.only_reader(read) is node
    return maker if alone and maker and maker.operator.name == name else None


def _of_cast(graph: Graph, uses: Uses, node: Node) -> Node | None:
    """Return the node for the sum of a CAST from float16."""
    cast = _maker(uses, node, "CAST")
    return None if cast is None else _joined(graph, (cast, node), cast.inputs)


def _of_squares(graph: Graph, uses: Uses, node: Node) -> Node | None:
    """Return the node for the sum of SQUARE(x - m), m one number for each group."""
    square = _maker(uses, node, "SQUARE")
    if square is None:
        return None
    cast = _maker(uses, square, "CAST")
    parts = (square, node) if cast is None else (cast, square, node)
    sub = _maker(uses, parts[0], "SUB")
    if sub is None:
        return None
    x, m = sub.inputs[:2]
    assert x is not None
    assert m is not None
    shape, axes = graph.tensors[x].shape, node.options["axes"]
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(shape))
    if (
        sub.options["activation"] != "none"
        or graph.tensors[m].shape != kept
        or graph.tensors[sub.outputs[0]].shape != shape
    ):
        return None
    return _joined(graph, (sub, *parts), sub.inputs)


def _joined(graph: Graph, parts: Parts, inputs: tuple[int | None, ...]) -> Node | None:
    node = parts[-1]
    assert inputs[0] is not None
    x, out = graph.tensors[inputs[0]], graph.tensors[node.outputs[0]]
    groups = grouped(x.shape, node.options["axes"])
    floats = x.dtype in (np.float32, np.float16) and out.dtype == np.float32
    if groups is None or not floats or graph.tensors[parts[0].outputs[0]].is_constant:
        return None
    mean = node.operator.name == "MEAN"
    options = {
        "shape": out.shape,
        "groups": tuple(groups),
        "divisor": float(groups.P * groups.C) if mean else 1.0,
    }
    return joined(
        parts,
        index=node.index,
        operator=GROUP_SUM,
        inputs=inputs,
        options=options,
    )
