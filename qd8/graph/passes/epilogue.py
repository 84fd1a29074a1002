"""Element-wise nodes into the kernel that makes what they read: its tail.

The tail is applied to each block of outputs in place as soon as it is stored, while it
is in the nearest cache. Its other operands are computed before: the fused node runs
where the element-wise one ran.
"""

from ..graph import Graph, Node
from .elementwise import is_elementwise, program
from .rewrite import Uses, exchanged, joined


def epilogue(graph: Graph) -> Graph:
    """Return the graph with every tail that a producer can have."""
    uses = Uses(graph)
    found: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.tail is not None or not calls_tails(node):
            continue
        reader = uses.only_reader(node.outputs[0])
        if reader is not None and is_elementwise(graph, reader):
            # Of two producers the later one has it: nothing else runs in between.
            found[reader] = node
    fused: dict[Node, Node] = {}
    for reader, producer in found.items():
        made = program(graph, [reader], producer.outputs[0])
        if made is None:
            continue
        tail, operands = made
        new = joined(
            (producer, reader),
            inputs=(*producer.inputs, *operands[1:]),
            tail=tail,
        )
        fused |= {producer: new, reader: new}
    return exchanged(graph, fused)


def calls_tails(node: Node) -> bool:
    """Whether the kernel of a node can call a tail for what it has stored."""
    if len(node.outputs) > 1:
        return False
    form = node.operator.quantized
    if node.quantized:
        return form is not None and form.takes_tail
    return node.operator.takes_tail
