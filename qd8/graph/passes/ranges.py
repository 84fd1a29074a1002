"""Ranges of images for who quantizes them, found by who makes them.

A quantized convolution of more than pixels needs the range of its image first (R11).
Of a large one its maker finds it, a block at a time, while that is in the
nearest cache.
"""

from math import prod

from ..graph import Graph, Node
from .epilogue import calls_tails
from .rewrite import Uses, exchanged, joined
from .siblings import quantizes_pixels

LARGE = 640 << 10  # bytes of a tensor that does not stay in the second-level cache


def ranges(graph: Graph) -> Graph:
    """Return the graph with such makers marked by `ranged`."""
    uses = Uses(graph)
    found: dict[Node, Node] = {}
    for node in graph.nodes:
        source = node.inputs[0] if node.inputs else None
        if source is None or not reads_images(graph, node):
            continue
        maker = uses.maker.get(source)
        if maker is not None and _finds_ranges(graph, maker):
            found[maker] = joined((maker,), inputs=maker.inputs, ranged=True)
    return exchanged(graph, found)


def reads_images(graph: Graph, node: Node) -> bool:
    """Whether a node quantizes an image, a large one and the only one, as a whole."""
    first = node.stages[0] if node.stages else node
    if first.operator.name != "CONV_2D" or not first.quantized:
        return False
    source = first.inputs[0]
    assert source is not None
    tensor = graph.tensors[source]
    large = prod(tensor.shape) * tensor.dtype.itemsize >= LARGE
    return large and tensor.shape[0] == 1 and not quantizes_pixels(graph, first)


def _finds_ranges(graph: Graph, node: Node) -> bool:
    """Whether a node's kernel calls a tail for all that it makes."""
    last = node.stages[-1] if node.stages else node
    halves = last.tail is not None and last.tail.reads_halves
    return calls_tails(last) and not halves and node.outputs[0] not in graph.slices
