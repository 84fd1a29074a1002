"""LOGISTIC(x), then MUL of x by it: one node that reads x once."""

from ..graph import Graph, Node
from ..operators.swish import SWISH
from .rewrite import Uses, exchanged, joined


def swish(graph: Graph) -> Graph:
    """Return the graph with every x * LOGISTIC(x) as one node."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator.name != "LOGISTIC":
            continue
        product = uses.only_reader(node.outputs[0])
        if product is None or not _multiplies(product, node):
            continue
        new = joined((node, product), operator=SWISH)
        fused |= {node: new, product: new}
    return exchanged(graph, fused)


def _multiplies(product: Node, logistic: Node) -> bool:
    """Whether a node is the product of the same x and its logistic, not clamped."""
    return (
        product.operator.name == "MUL"
        and product.options["activation"] == "none"
        and set(product.inputs) == {logistic.inputs[0], logistic.outputs[0]}
    )
