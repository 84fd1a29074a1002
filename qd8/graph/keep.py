"""Which tensors a run returns besides its outputs."""

from collections.abc import Iterable
from typing import Any

from .edges import did_you_mean
from .graph import Graph


def kept_tensors(graph: Graph, keep: Iterable[str] | str) -> dict[str, int]:
    """Return the tensors that ``keep`` names, as {name: index}.

    "all" are all that are computed. An input or output may be called by its public
    name too.
    """
    computed = {t.name: i for i, t in _computed(graph).items()}
    if isinstance(keep, str):
        if keep == "all":
            edges = {*graph.inputs.values(), *graph.outputs.values()}
            inner = {name: i for name, i in computed.items() if i not in edges}
            return {**graph.inputs, **inner}
        keep = (keep,)
    known = {**computed, **graph.inputs, **graph.outputs}
    for name in keep:
        if name not in known:
            raise KeyError(f"no node computes {name!r}{did_you_mean(name, known)}")
    return {name: known[name] for name in keep}


def _computed(graph: Graph) -> dict[int, Any]:
    """Return the tensors that have a value while the graph runs."""
    indices = [*graph.inputs.values()]
    indices += [i for node in graph.nodes for i in node.outputs]
    return {i: graph.tensors[i] for i in indices}
