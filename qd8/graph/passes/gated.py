"""A chain that gates the halves of a fully connected layer's rows, into the layer.

GEGLU, SwiGLU and their like: the product is as large as all that a transformer's
block moves besides, and is read once.
"""

from qd8.kernels import isa
from qd8.kernels.chain_program import PIECE, Program

from ..graph import Graph, Node
from ..operators.chain import CHAIN
from .rewrite import Uses, exchanged, joined

WHOLE = max(tier.NR for tier in isa.TIERS)  # halves are whole panels of every tier


def gated(graph: Graph) -> Graph:
    """Return the graph with such chains as the tail of what makes the rows."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator is not CHAIN:
            continue
        program: Program = node.options["program"]
        ways = list(zip(node.inputs, program.kinds, strict=True))
        read = {i for i, kind in ways if kind == PIECE}
        if len(read) != 1 or not program.reads_halves:
            continue
        (rows,) = read
        assert rows is not None
        maker = uses.maker.get(rows)
        if maker is None or not uses.only_read_by(rows, [node]) or not _fits(maker):
            continue
        if graph.tensors[rows].shape[-1] != program.pitch or program.period % WHOLE:
            continue
        others = (i for i, kind in ways if kind != PIECE)
        new = joined((maker, node), inputs=(*maker.inputs, *others), tail=program)
        fused |= {maker: new, node: new}
    return exchanged(graph, fused)


def _fits(maker: Node) -> bool:
    """Whether a node is a quantized layer of rows, and nothing else yet."""
    plain = maker.tail is None and not maker.parts
    return plain and maker.quantized and maker.operator.name == "FULLY_CONNECTED"
