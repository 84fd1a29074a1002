"""The plan: weights packed once, every node bound once to calls of kernels.

A `Plan` belongs to a graph and holds what all threads share. A `Context` is one arena
with the calls bound to it; a thread that runs the model takes one from the pool and
puts it back, so that several may run one model at once. Large outputs lie in one of its
answers (handover.py), of which each has those calls of its own that write there.
"""

import copy
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qd8.workspace import address, aligned

from .arena import allocate, check_size, owners, place
from .graph import Graph
from .handover import MOST, Answer, handed_over
from .packing import Packing
from .prepared import prepared
from .ranged import States, new_states, with_ranges

if TYPE_CHECKING:
    from qd8.kernels.launch import Call, Linked

Array = npt.NDArray[Any]


class Bound:
    """The calls of every node for one number of threads.

    calls : for each node, its calls
    room : the scratch that they share
    states : of the ranges that are found as tensors are made
    whole : all of them, linked: compiled code runs them with no Python in between
    each : for each node its calls, linked, for those who run node by node
    """

    def __init__(
        self,
        calls: "list[list[Call]]",
        room: npt.NDArray[np.uint8],
        states: States,
    ) -> None:
        from qd8.kernels.launch import Linked

        self.calls = calls
        self.room, self.states = room, states
        self.whole = Linked(call for each in calls for call in each)

    @cached_property
    def each(self) -> "list[Linked]":
        from qd8.kernels.launch import Linked

        return [Linked(calls) for calls in self.calls]


class Context:
    """One arena, for one run at a time.

    arena : {tensor: its array}, constants included
    answers : all but the first `MOST` are copied from, never handed over
    answer : the one that the next run writes
    """

    __slots__ = ("answer", "answers", "arena")

    def __init__(self, arena: dict[int, Array]) -> None:
        self.arena = arena
        self.answers: list[Answer] = []
        self.answer: Answer

    @property
    def arrays(self) -> dict[int, Array]:
        """{tensor: its array} of the next run."""
        return self.answer.arrays

    @property
    def bound(self) -> "dict[int, Bound]":
        """{number of threads: its calls} of the next run."""
        return self.answer.bound


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

    Attributes
    ----------
    handed : set of int         outputs that are handed over
    arena_bytes : int           of a context with one answer
    """

    def __init__(self, graph: Graph, packing: Packing) -> None:
        self.graph = graph
        self._packing = packing
        owner = owners(graph)
        self.handed, apart = handed_over(graph, owner)
        inner = owner.keys() - apart
        self.offsets, self._inner_bytes = place(graph, inner, owner)
        self._apart, self._answer_bytes = place(graph, apart, owner)
        self.arena_bytes = self._inner_bytes + self._answer_bytes
        check_size(graph, self.arena_bytes, packing.file.data.size)
        self.packed = packing.pack(graph)
        self.constants = packing.arrays(graph)
        self._pool: list[Context] = []

    @property
    def layers(self) -> list[Any]:
        """The quantized layer of each node, None for a float node."""
        return [each.layer for each in self.packed]

    def take(self) -> Context:
        """Take a context from the pool, or make a new one; its answer is free."""
        # No lock: pop and append are atomic, and a fork may come at any moment.
        try:
            context = self._pool.pop()
        except IndexError:
            arena = allocate(self.graph, self.offsets, self._inner_bytes)
            context = Context({**self.constants, **arena})
        answers = context.answers
        free = (each for each in answers if each.is_free)
        answer = next(free, None)
        if answer is None:
            own = allocate(self.graph, self._apart, self._answer_bytes)
            answer = Answer({**context.arena, **own}, lends=len(answers) < MOST)
            answers.append(answer)
        context.answer = answer
        return context

    def give_back(self, context: Context) -> None:
        """Return a context to the pool."""
        self._pool.append(context)

    def bound(self, context: Context, threads: int) -> Bound:
        """Return the calls on a context, with its answer, for a number of threads."""
        bound = context.bound
        if threads not in bound:
            made = (each.bound.get(threads) for each in context.answers)
            known = next((each for each in made if each is not None), None)
            bound[threads] = self._bind(context.arrays, threads, known)
        return bound[threads]

    def clone(self) -> "Plan":
        """Return a plan that shares everything but the contexts."""
        other = copy.copy(self)
        other._pool = []
        return other

    @cached_property
    def _writers(self) -> Collection[int]:
        """Places of the nodes that read or write what is handed over."""
        apart = self._apart.keys()
        return {
            place
            for place, node in enumerate(self.graph.nodes)
            if not apart.isdisjoint((*node.inputs, *node.outputs))
        }

    def _bind(
        self, arrays: dict[int, Array], threads: int, known: Bound | None
    ) -> Bound:
        """Bind all nodes or, where calls to another answer are known, the writers."""
        graph = self.graph
        calls: list[list[Call]] = [[] for _ in graph.nodes]
        late: list[tuple[int, Any]] = []  # what shares one scratch, bound after it
        wishes: list[tuple[Any, Array]] = []
        states = new_states(graph, threads) if known is None else known.states
        for at, (node, packed) in enumerate(zip(graph.nodes, self.packed, strict=True)):
            if known is not None and at not in self._writers:
                calls[at] = known.calls[at]
                continue
            if node.stages:
                from .bands import Banded

                banded = Banded(graph, node, packed.stages, arrays, states)
                wishes += banded.layers
                late.append((at, banded))
                continue
            source = node.inputs[0]
            if node.operator.is_view and source is not None:
                out = node.operator.view_out(arrays[node.outputs[0]])
                if address(out) == address(arrays[source]):
                    continue  # the output is where the input is
            ready = prepared(graph, node, packed, arrays, states)
            if packed.layer is None:
                calls[at] = ready.bind(threads)
                continue
            wishes.append((packed.layer, ready.inputs[0]))
            late.append((at, ready))
        if known is None:
            self._packing.deal(wishes, threads)
            # They run one after the other, so one scratch serves them all.
            room = aligned(max((x.scratch_bytes(threads) for _, x in late), default=0))
        else:
            room = known.room
        for at, each in late:
            calls[at] = each.bind(threads, room)
        for at in range(len(calls)) if known is None else self._writers:
            calls[at] = with_ranges(graph, graph.nodes[at], calls[at], states)
        return Bound(calls, room, states)
