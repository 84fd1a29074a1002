"""A MUL by channels into the quantized layer over pixels that alone reads it.

Squeeze-and-excite multiplies an image by a factor a channel, and the next operator is
a 1x1 convolution. Both read the image once then, and nobody writes it: two threads that
did wait for each other's lines, which the mean before had shared.
"""

from dataclasses import replace

from ..graph import Graph, Node
from .rewrite import Uses, exchanged, flattened
from .siblings import quantizes_pixels


def scaled(graph: Graph) -> Graph:
    """Return the graph with such layers multiplying their rows themselves."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        x = node.inputs[0] if node.inputs else None
        maker = None if x is None else uses.maker.get(x)
        if x is None or maker is None or not _takes_factors(graph, node):
            continue
        operands = _operands(graph, maker)
        if operands is None or not uses.only_read_by(x, [node]):
            continue
        image, factors = operands
        new = replace(
            node,
            inputs=(image, *node.inputs[1:], factors),
            factors=factors,
            parts=tuple(flattened((maker, node))),
        )
        fused |= {maker: new, node: new}
    return exchanged(graph, fused)


def _takes_factors(graph: Graph, node: Node) -> bool:
    """Whether a node is a quantized convolution over pixels that runs as a whole."""
    if not node.quantized or node.stages or node.operator.name != "CONV_2D":
        return False
    if node.factors is not None or (node.tail is not None and node.tail.reads_halves):
        return False
    return quantizes_pixels(graph, node)


def _operands(graph: Graph, node: Node) -> tuple[int, int] | None:
    """Return the image and the factors of a MUL by channels, or None."""
    if node.operator.name != "MUL" or node.tail is not None or node.stages:
        return None
    if node.options.get("activation", "none") != "none" or None in node.inputs:
        return None
    output, (a, b) = graph.tensors[node.outputs[0]], node.inputs
    for image, factors in ((a, b), (b, a)):
        assert image is not None
        assert factors is not None
        if graph.tensors[image].shape != output.shape or len(output.shape) != 4:
            continue
        images, channels = output.shape[0], output.shape[-1]
        if graph.tensors[factors].shape in {(n, 1, 1, channels) for n in (1, images)}:
            return image, factors
    return None
