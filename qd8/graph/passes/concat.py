"""CONCATENATION of channels without a copy: its inputs are written into its output.

A quantized convolution, a fully connected and a pool write rows as far apart as they
are told. So where the concatenation alone reads what they make, that is made in place;
what others make is copied as before. A concatenation of nothing else is a slice itself
of another that alone reads it.
"""

from collections.abc import Mapping

from ..graph import Graph, Node, Slice
from .rewrite import Uses, exchanged, joined

WRITERS = frozenset({"CONV_2D", "FULLY_CONNECTED", "SIBLINGS"})  # if quantized
POOLS = frozenset({"MAX_POOL_2D", "AVERAGE_POOL_2D"})


def concat(graph: Graph) -> Graph:
    """Return the graph with slices, the nodes that have some marked by `parts`."""
    uses = Uses(graph)
    slices: dict[int, Slice] = {}
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator.name != "CONCATENATION" or node.parts:
            continue
        found = _slices(graph, uses, node, slices)
        if found:
            inner = {
                i: Slice(found[whole].tensor, found[whole].first + first)
                for i, (whole, first) in slices.items()
                if whole in found
            }
            slices |= found | inner
            fused[node] = joined((node,), inputs=node.inputs)
    return exchanged(graph, fused).replace(slices={**graph.slices, **slices})


def _slices(
    graph: Graph, uses: Uses, node: Node, known: Mapping[int, Slice]
) -> dict[int, Slice]:
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
        if _is_written(uses, i, node, known):
            found[i] = Slice(output, first)
        first += graph.tensors[i].shape[-1]
    return found


def _is_written(uses: Uses, i: int, node: Node, known: Mapping[int, Slice]) -> bool:
    """Whether a tensor is made by what writes rows apart, for this node, once."""
    maker = uses.maker.get(i)
    if maker is None or uses.only_reader(i) is not node or node.inputs.count(i) > 1:
        return False
    name = maker.operator.name
    if name == "CONCATENATION":
        return all(j is not None and _is_in(known, j, i) for j in maker.inputs)
    apart = name in POOLS or (maker.quantized and name in WRITERS)
    return apart and maker.tail is None


def _is_in(known: Mapping[int, Slice], i: int, whole: int) -> bool:
    return i in known and known[i].tensor == whole
