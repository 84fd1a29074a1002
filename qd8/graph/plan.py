"""The plan: weights packed once, every node bound once to calls of kernels.

A `Plan` belongs to a graph and holds what all threads share. A `Context` is one arena
with the calls bound to it; a thread that runs the model takes one from the pool and
puts it back, so that several may run one model at once.
"""

import contextlib
import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from qd8.workspace import address, aligned

from .arena import allocate, check_size, place
from .bands import Banded
from .graph import Graph
from .packing import Packing
from .prepared import prepared

if TYPE_CHECKING:
    from qd8.kernels.launch import Call, Linked

Array = npt.NDArray[Any]


class Bound:
    """The calls of every node for one number of threads.

    calls : for each node, its calls
    whole : all of them, linked: compiled code runs them with no Python in between
    each : for each node its calls, linked, for those who run node by node
    """

    def __init__(self, calls: "list[list[Call]]") -> None:
        from qd8.kernels.launch import Linked

        self.calls = calls
        self.whole = Linked(call for each in calls for call in each)

    @cached_property
    def each(self) -> "list[Linked]":
        from qd8.kernels.launch import Linked

        return [Linked(calls) for calls in self.calls]


class Context:
    """One arena and the calls bound to it, for one run at a time.

    arrays : {tensor: its array}, constants included
    bound : {number of threads: calls}; all of them on this one arena
    """

    __slots__ = ("arrays", "bound")

    def __init__(self, arrays: dict[int, Array]) -> None:
        self.arrays = arrays
        self.bound: dict[int, Bound] = {}


class Plan:
    """What running a graph needs, whoever runs it.

    Parameters
    ----------
    graph : Graph
        After the precision pass.
    packing : Packing
        Holds the packed weights, which other plans may share.

    Raises
    ------
    ValueError
        If a layer refuses its weights, or the arena would be absurdly large.
    """

    def __init__(self, graph: Graph, packing: Packing) -> None:
        self.graph = graph
        self._packing = packing
        self.offsets, self.arena_bytes = place(graph)
        check_size(graph, self.arena_bytes, packing.file.data.size)
        self.packed = packing.pack(graph)
        self.constants = packing.arrays(graph)
        self._pool: list[Context] = []

    @property
    def layers(self) -> list[Any]:
        """The quantized layer of each node, None for a float node."""
        return [each.layer for each in self.packed]

    def take(self) -> Context:
        """Take a context from the pool, or make a new one."""
        # No lock: pop and append are atomic, and a fork may come at any moment.
        with contextlib.suppress(IndexError):
            return self._pool.pop()
        arena = allocate(self.graph, self.offsets, self.arena_bytes)
        return Context({**self.constants, **arena})

    def give_back(self, context: Context) -> None:
        """Return a context to the pool."""
        self._pool.append(context)

    def bound(self, context: Context, threads: int) -> Bound:
        """Return the calls on a context for a number of threads."""
        if threads not in context.bound:
            context.bound[threads] = Bound(self._bind(context.arrays, threads))
        return context.bound[threads]

    def clone(self) -> "Plan":
        """Return a plan that shares everything but the contexts."""
        other = copy.copy(self)
        other._pool = []
        return other

    def _bind(self, arrays: dict[int, Array], threads: int) -> "list[list[Call]]":
        graph = self.graph
        calls: list[list[Call]] = []
        late: list[tuple[int, Any]] = []  # what shares one scratch, bound after it
        wishes: list[tuple[Any, Array]] = []
        for at, (node, packed) in enumerate(zip(graph.nodes, self.packed, strict=True)):
            calls.append([])
            if node.stages:
                banded = Banded(graph, node, packed.stages, arrays)
                wishes += banded.layers
                late.append((at, banded))
                continue
            source = node.inputs[0]
            if node.operator.is_view and source is not None:
                out = node.operator.view_out(arrays[node.outputs[0]])
                if address(out) == address(arrays[source]):
                    continue  # the output is where the input is
            ready = prepared(graph, node, packed, arrays)
            if packed.layer is None:
                calls[-1] = ready.bind(threads)
                continue
            wishes.append((packed.layer, ready.inputs[0]))
            late.append((at, ready))
        self._packing.deal(wishes, threads)
        # They run one after the other, so one scratch serves them all.
        room = aligned(max((x.scratch_bytes(threads) for _, x in late), default=0))
        for at, each in late:
            calls[at] = each.bind(threads, room)
        return calls
