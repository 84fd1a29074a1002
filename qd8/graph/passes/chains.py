"""Element-wise nodes that feed one another, as one with registers in between.

They may feed one another through a RESHAPE, and read pieces of longer rows in place.
"""

import math

from ..graph import Graph, Node
from ..operators.chain import CHAIN
from .elementwise import is_elementwise, is_passive, program
from .rewrite import Uses, exchanged, joined


def chains(graph: Graph) -> Graph:
    """Return the graph with element-wise nodes joined to those that alone read them."""
    uses = Uses(graph)
    position = {node: n for n, node in enumerate(graph.nodes)}
    fused: dict[Node, Node] = {}
    for last in reversed(graph.nodes):
        if last in fused or not is_elementwise(graph, last):
            continue
        members = _needed(_members(graph, uses, position, last))
        if len(members) < 2 or (found := program(graph, members)) is None:
            continue
        made, operands = found
        new = joined(
            members, operator=CHAIN, options={"program": made}, inputs=tuple(operands)
        )
        fused |= dict.fromkeys(members, new)
    return exchanged(graph, fused)


def _members(
    graph: Graph, uses: Uses, position: dict[Node, int], last: Node
) -> list[Node]:
    """Return ``last`` and the nodes whose results it alone needs, in their order.

    As many, from the last one up, as make a program.
    """
    members = [last]
    size = math.prod(graph.tensors[last.outputs[0]].shape)
    waiting: set[tuple[int, int]] = set()  # (position of the maker, tensor)

    def ask(node: Node) -> None:
        for i in node.inputs:
            if i in uses.maker:
                waiting.add((position[uses.maker[i]], i))

    ask(last)
    while waiting:
        # All readers of a tensor come after its maker: they have been asked about.
        latest = max(waiting)
        waiting.remove(latest)
        _, i = latest
        node = uses.maker[i]
        if (
            node not in members
            and math.prod(graph.tensors[i].shape) == size
            and (is_elementwise(graph, node) or is_passive(graph, node))
            and uses.only_read_by(i, members)
            and program(graph, [node, *members]) is not None
        ):
            members.insert(0, node)
            ask(node)
    return members


def _needed(members: list[Node]) -> list[Node]:
    """Return the members without those views that the first links read through: they
    cost nothing where they are."""
    kept: list[Node] = []
    made: set[int] = set()
    for node in members:
        if not node.operator.is_view or node.inputs[0] in made:
            kept.append(node)
            made.update(node.outputs)
    return kept
