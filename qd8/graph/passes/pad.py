"""PAD before a quantized convolution: its zeros become the convolution's padding.

A quantized convolution reads an image as steps, of which one stands for 0.0, and the
range that is quantized holds 0.0 in any case (R5): zeros around the image change
neither, and a padded tap adds to an accumulator what a tap of 0.0 does: nothing.
(In float it would matter: a chain of -0.0 plus 0.0 * w is +0.0, R20.)
"""

from ..graph import Graph, Node
from ..operators.window import resolved
from .rewrite import Uses, exchanged, joined

Sides = tuple[tuple[int, int], tuple[int, int]]


def pad(graph: Graph) -> Graph:
    """Return the graph with every such pair as one convolution."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator.name not in ("PAD", "PADV2"):
            continue
        convolution = uses.only_reader(node.outputs[0])
        sides = _sides(node)
        if convolution is None or sides is None or node in fused:
            continue
        if not _takes_padding(graph, convolution):
            continue
        new = joined(
            (node, convolution),
            operator=convolution.operator,
            index=convolution.index,
            inputs=(node.inputs[0], *convolution.inputs[1:]),
            options=_padded(graph, convolution, sides),
            quantized=True,
            reason=convolution.reason,
        )
        fused |= {node: new, convolution: new}
    return exchanged(graph, fused)


def _sides(node: Node) -> Sides | None:
    """Return zeros above, below, left and right; None if it pads otherwise."""
    paddings = node.options["paddings"]
    if len(paddings) != 4 or node.options["value"] != 0:
        return None
    if tuple(paddings[0]) != (0, 0) or tuple(paddings[3]) != (0, 0):
        return None
    (top, bottom), (left, right) = paddings[1:3]
    return (top, bottom), (left, right)


def _takes_padding(graph: Graph, node: Node) -> bool:
    """Whether a node is a convolution that quantizes images, padded or not.

    A 1x1 of stride 1 quantizes pixels (R11), and padded it would quantize images.
    """
    if node.operator.name != "CONV_2D" or not node.quantized:
        return False
    window = graph.tensors[node.weight].shape[1:3]
    return window != (1, 1) or tuple(node.options["stride"]) != (1, 1)


def _padded(graph: Graph, node: Node, sides: Sides) -> dict[str, object]:
    """Return the options with the zeros added to the padding that R17 says."""
    assert node.inputs[0] is not None
    _, H, W, _ = graph.tensors[node.inputs[0]].shape
    _, KH, KW, _ = graph.tensors[node.weight].shape
    options = dict(node.options)
    own = resolved(options, (H, W), (KH, KW), options["dilation"])["padding"]
    both = (
        (before + more, after + rest)
        for (before, after), (more, rest) in zip(own, sides, strict=True)
    )
    return {**options, "padding": tuple(both)}
