"""TRANSPOSE after TRANSPOSE as one, and one that moves no element as a view."""

from dataclasses import replace

from ..graph import Graph, Node
from ..operators.reshape import RESHAPE
from .rewrite import Uses, exchanged, joined


def transposes(graph: Graph) -> Graph:
    """Return the graph with pairs joined and, where order stays, nothing moved."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.operator.name != "TRANSPOSE" or node in fused:
            continue
        chain = [node]
        while (after := uses.only_reader(chain[-1].outputs[0])) is not None:
            if after.operator.name != "TRANSPOSE":
                break
            chain.append(after)
        perm = tuple(range(len(node.options["perm"])))
        for each in chain:
            perm = tuple(perm[axis] for axis in each.options["perm"])
        new = joined(chain, options={"perm": perm})
        source = node.inputs[0]
        assert source is not None
        extents = graph.tensors[source].shape
        moved = [axis for axis in perm if extents[axis] != 1]
        if moved == sorted(moved):
            shape = graph.tensors[new.outputs[0]].shape
            new = replace(new, operator=RESHAPE, options={"shape": shape})
        elif len(chain) == 1:
            continue
        fused |= dict.fromkeys(chain, new)
    return exchanged(graph, fused)
