"""Outputs that are handed over: a caller gets the memory that kernels wrote to.

A copy of a large output costs as much as a layer: DeepLab-v3's 5.5 MB took 0.65 of 3.2
ms on two threads (Sapphire Rapids). So such an output lies outside the arena, in an
`Answer`. A caller may keep what it was given, so an answer is written to again only
when nobody holds any array of it; calls are bound to each.
"""

import weakref
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import Graph

Array = npt.NDArray[Any]
# Bytes of an output from which on it is handed over: copying fewer takes some 10 us.
LEAST = 1 << 18
# Answers of a context that callers may hold; who holds more is given copies. Two for
# `y = model(x)` in a loop, whose last result goes when the next one is there.
MOST = 3


def handed_over(
    graph: Graph, owner: Mapping[int, int]
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the outputs that are handed over, and all tensors in their places.

    owner : what `arena.owners` says of the graph
    """
    outputs = {
        i
        for i in graph.outputs.values()
        if i in owner and i not in graph.slices and _nbytes(graph, i) >= LEAST
    }
    # Where an input lies the next caller's is written.
    taken = {owner[i] for i in graph.inputs.values() if i in owner}
    outputs = {i for i in outputs if owner[i] not in taken}
    places = {owner[i] for i in outputs}
    return frozenset(outputs), frozenset(i for i in owner if owner[i] in places)


class Lent:
    """What the arrays of an output have as their base: alive while one of them is."""

    __slots__ = ("__array_interface__", "__weakref__", "_memory")

    def __init__(self, array: Array) -> None:
        self._memory = array
        self.__array_interface__ = array.__array_interface__


class Answer:
    """Memory of the outputs that are handed over, and the calls that write there.

    arrays : {tensor: array} of the whole graph
    lends : whether its arrays are handed over, else they are copied
    bound : {number of threads: calls of all nodes}
    """

    __slots__ = ("_lent", "arrays", "bound", "lends")

    def __init__(self, arrays: dict[int, Array], lends: bool) -> None:
        self.arrays, self.lends = arrays, lends
        self.bound: dict[int, Any] = {}
        self._lent: list[weakref.ref[Lent]] = []

    @property
    def is_free(self) -> bool:
        """Whether nobody holds an array of it."""
        self._lent = [each for each in self._lent if each() is not None]
        return not self._lent

    def lend(self, tensor: int) -> Array:
        """Return the array of an output, for the caller to keep."""
        if not self.lends:
            return self.arrays[tensor].copy()
        lent = Lent(self.arrays[tensor])
        self._lent.append(weakref.ref(lent))
        return np.asarray(lent)


def _nbytes(graph: Graph, i: int) -> int:
    tensor = graph.tensors[i]
    return prod(tensor.shape) * tensor.dtype.itemsize
