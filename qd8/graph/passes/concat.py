"""CONCATENATION of channels without a copy: its inputs are written into its output.

A quantized convolution or fully connected writes rows as far apart as it is told. So
where the concatenation alone reads what it makes, that is made in place; what others
make is copied as before.
"""

from ..graph import Graph, Node, Slice
from .rewrite import Uses, exchanged, joined

WRITERS = frozenset({"CONV_2D", "FULLY_CONNECTED", "SIBLINGS"})


def concat(graph: Graph) -> Graph:
    """Return the graph with slices, the nodes that have some marked by `parts`."""
    uses = Uses(graph)
    slices: dict[int, Slice] = {}
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator.name != "CONCATENATION" or node.parts:
            continue
        found = _slices(graph, uses, node)
        if found:
            slices |= found
            fused[node] = joined((node,), inputs=node.inputs)
    return exchanged(graph, fused).replace(slices={**graph.slices, **slices})


def _slices(graph: Graph, uses: Uses, node: Node) -> dict[int, Slice]:
    """Return the inputs that can be written where they belong."""
    (output,) = node.outputs
    rank = len(graph.tensors[output].shape)
    if node.options["axis"] % rank != rank - 1 or rank < 2:
        return {}
    if node.options["activation"] != "none":
        return {}
    found, first = {}, 0
    for i in node.inputs:
        assert i is not None
        if _is_written(uses, i, node):
            found[i] = Slice(output, first)
        first += graph.tensors[i].shape[-1]
    return found


def _is_written(uses: Uses, i: int, node: Node) -> bool:
    """Whether a tensor is made by what writes rows apart, for this node, once."""
    maker = uses.maker.get(i)
    return (
        maker is not None
        and maker.quantized
        and maker.tail is None
        and maker.operator.name in WRITERS
        and uses.only_reader(i) is node
        and node.inputs.count(i) == 1
    )
