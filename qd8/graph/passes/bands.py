"""Convolutions, depthwise ones and pools that feed one another, as bands of rows.

What one makes, the next reads while it is in the second-level cache; as a whole it
would go to the third and back. A quantized convolution of more than pixels can only
be the first: the range of all its image comes before any of its steps (R11).
"""

from math import prod

import numpy as np

from ..graph import Graph, Node
from ..operators.bands import BANDS
from .rewrite import Uses, exchanged, joined
from .siblings import quantizes_pixels

LARGE = 640 << 10  # bytes of a tensor from which on it is worth a band
LIGHT = 64  # products of an output: more of them in float, and memory does not matter

_WINDOWS = ("DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D")


def bands(graph: Graph) -> Graph:
    """Return the graph with every such chain as one node."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node in fused or not _is_sliced(graph, node):
            continue
        chain = [node]
        while (follower := _follower(graph, uses, chain[-1])) is not None:
            chain.append(follower)
        if len(chain) > 1:
            new = joined(
                chain,
                operator=BANDS,
                options={},
                quantized=any(each.quantized for each in chain),
                reason="a band of rows at a time",
                tail=None,
                stages=tuple(chain),
            )
            fused |= dict.fromkeys(chain, new)
    return exchanged(graph, fused)


def _follower(graph: Graph, uses: Uses, node: Node) -> Node | None:
    """Return what alone reads the large output of a node, a row or a few at a time."""
    output = node.outputs[0]
    tensor = graph.tensors[output]
    if output in graph.slices or prod(tensor.shape) * tensor.dtype.itemsize < LARGE:
        return None
    reader = uses.only_reader(output)
    if reader is None or reader.inputs[0] != output or reader.inputs.count(output) > 1:
        return None
    if reader.quantized and not quantizes_pixels(graph, reader):
        return None
    return reader if _is_sliced(graph, reader) else None


def _is_sliced(graph: Graph, node: Node) -> bool:
    """Whether a node can run by rows, which are pieces of all it reads and makes."""
    if node.operator.name == "CONV_2D":
        if not (node.quantized or _is_light(graph, node)):
            return False
    elif node.operator.name not in _WINDOWS:
        return False
    shape = graph.tensors[node.outputs[0]].shape
    if len(shape) != 4 or shape[0] != 1:
        return False
    if tuple(node.options.get("dilation", (1, 1))) != (1, 1):
        return False
    more = node.tail_inputs
    if node.inputs[0] in more:
        return False
    return all(_fits(graph.tensors[i].shape, shape) for i in more if i is not None)


def _is_light(graph: Graph, node: Node) -> bool:
    """Whether memory bounds a float convolution; of more than pixels, float16 are
    widened all before the first."""
    shape = graph.tensors[node.weight].shape
    half = graph.tensors[node.outputs[0]].dtype == np.float16
    pixels = shape[1:3] == (1, 1) and tuple(node.options["stride"]) == (1, 1)
    return prod(shape[1:]) <= LIGHT and (pixels or not half)


def _fits(operand: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an operand of a tail has the rows of the output, or none at all."""
    if len(operand) <= 1 or prod(operand[:-1]) == 1:
        return True
    return len(operand) == 4 and operand[:3] == shape[:3]
