"""Tensors as views into others: where RESHAPE and TRANSPOSE need not move anything.

A chain of them between two operators vanishes if the operators can walk the memory
in steps. Pure integers.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ..graph import Graph, Node
from .rewrite import Uses

RESHAPES = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
MOVES = (*RESHAPES, "TRANSPOSE")

Shape = tuple[int, ...]


class View(NamedTuple):
    """The elements of a contiguous tensor, walked in another order; from its first on.

    strides : in elements
    """

    shape: Shape
    strides: Shape

    @classmethod
    def whole(cls, shape: Sequence[int]) -> "View":
        """Return a contiguous tensor as a view of itself."""
        strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
        return cls(tuple(shape), tuple(strides))

    def transposed(self, perm: Sequence[int]) -> "View":
        """Return the view with its axes in another order."""
        return View(
            tuple(self.shape[axis] for axis in perm),
            tuple(self.strides[axis] for axis in perm),
        )

    def swapped(self) -> "View":
        """Return the view with its last two axes swapped."""
        rank = len(self.shape)
        return self.transposed((*range(rank - 2), rank - 1, rank - 2))

    def broadcast(self, batch: Shape) -> "View":
        """Return matrices as others see them: the axes before them repeated."""
        axes = len(self.shape) - 2
        new = len(batch) - axes
        repeated = [
            0 if n == 1 else stride
            for n, stride in zip(self.shape[:axes], self.strides, strict=False)
        ]
        strides = (*(0,) * new, *repeated, *self.strides[axes:])
        return View((*batch, *self.shape[axes:]), strides)

    def reshaped(self, shape: Sequence[int]) -> "View | None":
        """Return the view with another shape; None where even steps do not do it.

        Axes that follow upon each other without a jump are one run; every new axis
        is a part of one run.
        """
        runs: list[tuple[int, int]] = []
        for extent, stride in zip(*self, strict=True):
            if extent == 1:
                continue
            if runs and runs[-1][1] == extent * stride:
                extent *= runs.pop()[0]
            runs.append((extent, stride))
        strides = []
        rest, step = 1, 0
        for extent in shape:
            if extent != 1 and rest == 1:
                rest, step = runs.pop(0)
            if rest % extent:
                return None
            rest //= extent
            strides.append(step * rest)
        return View(tuple(shape), tuple(strides))


class Origin(NamedTuple):
    """Where a tensor's elements really are.

    tensor : the one that holds them
    view : how the tensor that was asked for walks it
    nodes : those between the two, in order; they need not run
    """

    tensor: int
    view: View
    nodes: tuple[Node, ...] = ()


def source(graph: Graph, uses: Uses, i: int) -> Origin:
    """Return the farthest tensor that an input may be read from, in even steps.

    Nobody else reads what lies between. A RESHAPE of a whole tensor is left alone: it
    costs nothing where it is.
    """
    chain: list[Node] = []
    found = Origin(i, View.whole(graph.tensors[i].shape))
    at = i
    while (node := uses.maker.get(at)) and node.operator.name in MOVES:
        if uses.only_reader(at) is None:
            break
        chain.insert(0, node)
        (at,) = (n for n in node.inputs if n is not None)
        view = _through(graph, chain)
        if node.operator.name == "TRANSPOSE" and view is not None:
            found = Origin(at, view, tuple(chain))
    return found


def target(graph: Graph, uses: Uses, i: int) -> Origin:
    """Return the farthest tensor that an output may be written to, in even steps."""
    chain: list[Node] = []
    found = Origin(i, View.whole(graph.tensors[i].shape))
    at = i
    while (node := uses.only_reader(at)) and node.operator.name in MOVES:
        chain.append(node)
        (at,) = node.outputs
        view = _back_through(graph, chain)
        if node.operator.name == "TRANSPOSE" and view is not None:
            found = Origin(at, view, tuple(chain))
    return found


def _through(graph: Graph, chain: Sequence[Node]) -> View | None:
    """Return what the last of some moves makes, as a view of what the first reads."""
    first = chain[0].inputs[0]
    assert first is not None
    view: View | None = View.whole(graph.tensors[first].shape)
    for node in chain:
        if view is None:
            return None
        if node.operator.name == "TRANSPOSE":
            view = view.transposed(node.options["perm"])
        else:
            view = view.reshaped(graph.tensors[node.outputs[0]].shape)
    return view


def _back_through(graph: Graph, chain: Sequence[Node]) -> View | None:
    """Return what the first of some moves reads, as a view of what the last makes."""
    view: View | None = View.whole(graph.tensors[chain[-1].outputs[0]].shape)
    for node in reversed(chain):
        if view is None:
            return None
        if node.operator.name == "TRANSPOSE":
            perm = node.options["perm"]
            view = view.transposed(sorted(range(len(perm)), key=perm.__getitem__))
        else:
            (before,) = (n for n in node.inputs if n is not None)
            view = view.reshaped(graph.tensors[before].shape)
    return view
