"""The plan: weights packed once, every node bound once to calls of kernels.

A `Plan` belongs to a graph and holds what all threads share. A `Context` is one arena
with the calls bound to it; a thread that runs the model takes one from the pool and
puts it back, so that several may run one model at once.
"""

import contextlib
import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qd8 import settings
from qd8.workspace import aligned

from .arena import allocate, check_size, place
from .graph import Graph, Node

if TYPE_CHECKING:
    from qd8.kernels.launch import Call

Array = npt.NDArray[Any]


class Context:
    """One arena and the calls bound to it, for one run at a time.

    arrays : {tensor: its array}, constants included
    calls : for each node, its calls
    whole : all of them, linked: compiled code runs them with no Python in between
    """

    __slots__ = ("arrays", "calls", "whole")

    def __init__(self, arrays: dict[int, Array], calls: "list[list[Call]]") -> None:
        from qd8.kernels.launch import Linked

        self.arrays = arrays
        self.calls = calls
        self.whole = Linked(call for each in calls for call in each)


class Plan:
    """What running a graph needs, whoever runs it.

    Parameters
    ----------
    graph : Graph
        After the precision pass.
    file_bytes : int
        The size of the file, which bounds the arena (`arena.check_size`).
    memory : "fast" or "small"
        The packing policy of the layers.

    Raises
    ------
    ValueError
        If a layer refuses its weights, or the arena would be absurdly large.
    """

    def __init__(self, graph: Graph, file_bytes: int, memory: str = "fast") -> None:
        self.graph = graph
        self.memory = memory
        self.offsets, self.arena_bytes = place(graph)
        check_size(graph, self.arena_bytes, file_bytes)
        # Layers pack their own; kernels of float nodes are given addresses, so:
        # aligned, in C order, in this machine's byte order.
        used = {i for n in graph.nodes if not n.quantized for i in n.inputs}
        self.constants = {
            i: np.require(t.data, t.dtype.newbyteorder("="), ["C", "A"])
            for i, t in enumerate(graph.tensors)
            if t.data is not None and i in used
        }
        self.layers = [self._layer(node) for node in graph.nodes]
        self.packed = [self._pack(node) for node in graph.nodes]
        self._pools: dict[int, list[Context]] = {}

    def take(self, threads: int) -> Context:
        """Take a context for a number of threads from the pool, or bind a new one."""
        # No lock: pop and append are atomic, and a fork may come at any moment.
        with contextlib.suppress(IndexError):
            return self._pools.setdefault(threads, []).pop()
        return self._bind(threads)

    def give_back(self, threads: int, context: Context) -> None:
        """Return a context to the pool."""
        self._pools[threads].append(context)

    def clone(self) -> "Plan":
        """Return a plan that shares everything but the contexts."""
        other = copy.copy(self)
        other._pools = {}
        return other

    def _layer(self, node: Node) -> Any:
        """Build the quantized layer of a node, None for a float node."""
        if not node.quantized:
            return None
        form = node.operator.quantized
        assert form is not None
        options = dict(node.options)
        _, weight, bias = self.graph.arrays(node)
        assert weight is not None
        bias = None if bias is None else bias.reshape(-1)
        scale: Any = self.graph.tensors[node.weight].scale
        try:
            with settings.options(memory=self.memory):
                return form.layer(weight, scale, bias, options)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{self.graph.source}: operator {node.index} ({node.operator.name}): "
                f"{error}"
            ) from None

    def _pack(self, node: Node) -> Any:
        """Pack the weight of a float node, None if its kernel takes it as it is."""
        if node.quantized or node.operator.pack is None:
            return None
        return node.operator.pack(self.constants[node.weight], dict(node.options))

    def _bind(self, threads: int) -> Context:
        arrays = {
            **self.constants,
            **allocate(self.graph, self.offsets, self.arena_bytes),
        }
        calls: list[list[Call]] = []
        bound: list[Any] = []
        parts = zip(self.graph.nodes, self.layers, self.packed, strict=True)
        for node, layer, packed in parts:
            operator, options = node.operator, dict(node.options)
            given = [None if i is None else arrays.get(i) for i in node.inputs]
            out = operator.view_out(arrays[node.outputs[0]])
            if layer is not None:
                given[1] = self.graph.tensors[node.weight].data  # for its shape
                bound.append((layer, operator.view(given, options)[0], out))
                calls.append([])
                continue
            inputs = list(operator.view(given, options))
            if packed is not None:
                inputs[1] = packed
            calls.append(operator.bind(inputs, out, options, threads))
            bound.append(None)
        # Layers run one after the other, so one scratch serves them all.
        most = max((b[0].scratch_bytes(b[1], threads) for b in bound if b), default=0)
        room = aligned(most)
        for at, found in enumerate(bound):
            if found is not None:
                layer, x, out = found
                calls[at] = layer.bind(x, out, threads, room)
        return Context(arrays, calls)
