"""The plan: weights packed once, every node bound once to calls of kernels.

A `Plan` belongs to a graph and holds what all threads share. A `Context` is one arena
with the calls bound to it; a thread that runs the model takes one from the pool and
puts it back, so that several may run one model at once.
"""

import contextlib
import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qd8.workspace import address, aligned

from .arena import allocate, check_size, place
from .graph import Graph, Node, Tensor
from .packing import Packing

if TYPE_CHECKING:
    from qd8.kernels.chain import Tail
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
        calls: list[list[Call]] = []
        bound: list[Any] = []
        for node, packed in zip(self.graph.nodes, self.packed, strict=True):
            operator, options = node.operator, self.graph.keywords(node)
            given = [None if i is None else arrays.get(i) for i in node.own_inputs]
            outs = [operator.view_out(arrays[i]) for i in node.outputs]
            out: Any = outs if operator.several else outs[0]
            tail = _tail(node, arrays)
            calls.append([])
            bound.append(None)
            source: Any = given[0]
            if operator.is_view and address(outs[0]) == address(source):
                continue  # the output is where the input is
            packs = packed.layer is not None or packed.weight is not None
            if packs and operator.of_parts is None:
                given[1] = _shape_only(self.graph.tensors[node.weight])
            inputs = list(operator.view(given, options))
            if packed.layer is not None:
                bound[-1] = packed.layer, inputs[0], out, tail
                continue
            if packed.weight is not None:
                inputs[1] = packed.weight
            if tail is not None:
                options["tail"] = tail
            calls[-1] = operator.bind(inputs, out, options, threads)
        self._packing.deal(((b[0], b[1]) for b in bound if b), threads)
        # Layers run one after the other, so one scratch serves them all.
        most = max((b[0].scratch_bytes(b[1], threads) for b in bound if b), default=0)
        room = aligned(most)
        for at, found in enumerate(bound):
            if found is not None:
                layer, x, out, tail = found
                more = () if tail is None else (tail,)
                calls[at] = layer.bind(x, out, threads, room, *more)
        return calls


def _tail(node: Node, arrays: dict[int, Array]) -> "Tail | None":
    """Bind the tail of a node to its output."""
    if node.tail is None:
        return None
    from qd8.kernels.chain import bind_tail

    more = [arrays[i] for i in node.inputs[len(node.own_inputs) :] if i is not None]
    return bind_tail(node.tail, more, arrays[node.outputs[0]])


def _shape_only(tensor: Tensor) -> Array:
    """Return an array of a tensor's shape that takes no memory."""
    return np.broadcast_to(np.zeros((), tensor.dtype), tensor.shape)
