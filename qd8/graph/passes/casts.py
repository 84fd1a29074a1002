"""CAST between float32 and float16, at the edges of a model, into its neighbour.

A picture is float32 (R30) and a segmentation as large as the picture: each CAST of
one reads and writes megabytes, for one instruction an element.
"""

from dataclasses import replace

from ..graph import Graph, Node
from .rewrite import Uses, exchanged, flattened


def casts(graph: Graph) -> Graph:
    """Return the graph with every CAST that the kernel beside it can do."""
    uses = Uses(graph)
    fused: dict[Node, Node] = {}
    for cast in graph.nodes:
        if cast.operator.name != "CAST":
            continue
        (source,), (made,) = cast.inputs, cast.outputs
        assert source is not None
        dtypes = [graph.tensors[i].dtype.name for i in (source, made)]
        if dtypes == ["float16", "float32"]:
            maker = _maker(uses, cast, source)
            if maker is not None:
                new = replace(maker, outputs=cast.outputs, parts=(maker, cast))
                fused |= dict.fromkeys(new.parts, new)
        if dtypes == ["float32", "float16"]:
            reader = _reader(graph, uses, cast, source)
            if reader is not None:
                inputs = source, *reader.inputs[1:]
                parts = tuple(flattened((cast, reader)))
                new = replace(reader, inputs=inputs, parts=parts)
                fused |= dict.fromkeys((cast, reader), new)
    return exchanged(graph, fused)


def _maker(uses: Uses, cast: Node, source: int) -> Node | None:
    """Return who makes the float16 of a CAST, for it alone."""
    maker = uses.maker.get(source)
    if maker is None or uses.only_reader(source) is not cast:
        return None
    return maker if maker.operator.widens and not maker.parts else None


def _reader(graph: Graph, uses: Uses, cast: Node, source: int) -> Node | None:
    """Return who alone reads the float16 that a CAST makes of an input.

    It rounds the input in place, which nobody else may read: a caller's is copied to
    where it lies, and is still near.
    """
    if source not in graph.inputs.values() or uses.only_reader(source) is not cast:
        return None
    (made,) = cast.outputs
    reader = uses.only_reader(made)
    if reader is None or reader.inputs[0] != made or reader.inputs.count(made) > 1:
        return None
    return reader if reader.operator.narrows and not reader.quantized else None
