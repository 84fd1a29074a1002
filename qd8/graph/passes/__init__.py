"""Passes over a graph, one file each: what may run as one node, without a bit changed.

A pass puts one node in the place of several. The node keeps them as its `parts`: their
references, run one after the other, define it, so whatever a pass makes is judged
by the definitions of the operators it took (C1). To add one, write its file and name it
in `PASSES`, in whose order they run.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from ..graph import Graph
from .attention import attention
from .bands import bands
from .chains import chains
from .concat import concat
from .epilogue import epilogue
from .gated import gated
from .group_sum import group_sum
from .layer_norm import layer_norm
from .pad import pad
from .siblings import siblings
from .swish import swish
from .transposes import transposes


class Pass(NamedTuple):
    """A pass: its name, what it does in a line, and the function that does it."""

    name: str
    summary: str
    apply: Callable[[Graph], Graph]


PASSES: tuple[Pass, ...] = (
    Pass("attention", "softmax(scale * q @ k) @ v on heads, as one", attention),
    Pass("pad", "PAD of zeros into the quantized convolution that reads it", pad),
    Pass("transposes", "TRANSPOSE of TRANSPOSE as one, or as a view", transposes),
    Pass("layer_norm", "normalization of the last axis, as one", layer_norm),
    Pass("group_sum", "sums over groups, of SQUARE(x - m) or a CAST", group_sum),
    Pass("swish", "LOGISTIC and the MUL of its input by it, as one", swish),
    Pass("chains", "element-wise operators that feed one another, as one", chains),
    Pass("gated", "chains of the halves of a quantized layer's rows, into it", gated),
    Pass("epilogue", "element-wise operators into the one that they follow", epilogue),
    Pass("siblings", "fully connected layers on the same rows, as one", siblings),
    Pass("concat", "channels written where CONCATENATION would copy them", concat),
    Pass("bands", "convolutions and pools that feed one another, by rows", bands),
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
