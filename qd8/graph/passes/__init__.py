"""Passes over a graph, one file each: what may run as one node, without a bit changed.

A pass puts one node in the place of several. The node keeps them as its `parts`: their
references, run one after the other, define it, so whatever a pass makes is judged
by the definitions of the operators it took (C1). To add one, write its file, with a
function of the file's name, and name it in `PASSES`, in whose order they run.
"""

from collections.abc import Collection, Set
from importlib import import_module
from typing import NamedTuple

from ..graph import Graph


class Pass(NamedTuple):
    """A pass: its name, which its file and its function have, and what it does.

    needs : operators without any of which it finds nothing: then it is not imported,
        and need not look; empty if it always looks
    """

    name: str
    summary: str
    needs: Set[str] = frozenset()

    def apply(self, graph: Graph) -> Graph:
        """Return the graph after the pass."""
        if self.needs and self.needs.isdisjoint(graph.kinds):
            return graph
        module = import_module(f"{__name__}.{self.name}")
        changed: Graph = getattr(module, self.name)(graph)
        return changed


PASSES: tuple[Pass, ...] = (
    Pass("attention", "softmax(scale * q @ k) @ v on heads, as one", {"SOFTMAX"}),
    Pass(
        "pad",
        "PAD of zeros into the quantized convolution that reads it",
        {"PAD", "PADV2"},
    ),
    Pass("transposes", "TRANSPOSE of TRANSPOSE as one, or as a view", {"TRANSPOSE"}),
    Pass("layer_norm", "normalization of the last axis, as one", {"RSQRT"}),
    Pass(
        "group_sum",
        "sums over groups, of SQUARE(x - m) or a CAST",
        {"SQUARE", "CAST"},
    ),
    Pass("swish", "LOGISTIC and the MUL of its input by it, as one", {"LOGISTIC"}),
    Pass("chains", "element-wise operators that feed one another, as one"),
    Pass(
        "gated", "chains of the halves of a quantized layer's rows, into it", {"CHAIN"}
    ),
    Pass("epilogue", "element-wise operators into the one that they follow"),
    Pass("siblings", "fully connected layers on the same rows, as one"),
    Pass(
        "concat",
        "channels written where CONCATENATION would copy them",
        {"CONCATENATION"},
    ),
    Pass(
        "casts",
        "CAST at an edge into the resize or the convolution beside it",
        {"CAST"},
    ),
    Pass("bands", "convolutions and pools that feed one another, by rows"),
    Pass("scaled", "MUL by channels into the quantized layer that reads it", {"MUL"}),
    Pass(
        "ranges",
        "an image's range, for who quantizes it, as it is made",
        {"CONV_2D", "BANDS"},
    ),
)


def pass_names(chosen: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of the passes that are chosen, in the order in which they run.

    Parameters
    ----------
    chosen : collection of names, or None for all

    Raises
    ------
    TypeError
        If it is a single string.
    ValueError
        If there is no such pass; the message lists them.
    """
    known = tuple(each.name for each in PASSES)
    if chosen is None:
        return known
    if isinstance(chosen, str):
        raise TypeError(f"passes is {chosen!r}; a collection of names is needed")
    for name in chosen:
        if name not in known:
            raise ValueError(f"unknown pass {name!r}; there are {', '.join(known)}")
    return tuple(name for name in known if name in chosen)


def apply_passes(graph: Graph, names: Collection[str]) -> Graph:
    """Return the graph after the named passes, in their order."""
    for each in PASSES:
        if each.name in names:
            graph = each.apply(graph)
    return graph
