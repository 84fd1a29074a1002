"""Which nodes work element by element, and the program that several of them are."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from qd8.kernels.chain_program import (
    CHANNEL,
    IMAGE,
    MOST_LINKS,
    MOST_OPERANDS,
    OPERATORS,
    PIECE,
    ROW,
    SAME,
    SCALAR,
    Link,
    Place,
    Program,
)

from ..graph import Graph, Node
from ..operators.strided_slice import entries
from .rewrite import flattened

Shape = tuple[int, ...]
_ENDLESS = 2**62  # the period where no operand has one


class Piece(NamedTuple):
    """A piece of each row of a tensor: what it reads when an operand is none."""

    tensor: int
    start: int
    width: int
    pitch: int  # elements of a whole row


def is_elementwise(graph: Graph, node: Node) -> bool:
    """Whether a node, with all its parts, is made of links of float numbers."""
    if not node.parts:
        return _names(graph, node) is not None
    parts = [part for part in flattened([node]) if not is_passive(graph, part)]
    return bool(parts) and all(_names(graph, part) is not None for part in parts)


def is_passive(graph: Graph, node: Node) -> bool:
    """Whether a node only says where elements are: links may read through it."""
    if node.parts:  # a view made of parts that are none: transpositions
        return False
    return node.operator.is_view or piece(graph, node) is not None


def piece(graph: Graph, node: Node) -> Piece | None:
    """Return what a STRIDED_SLICE takes out of rows; None if it does anything else."""
    if node.operator.name != "STRIDED_SLICE" or node.inputs[0] is None:
        return None
    shape = graph.tensors[node.inputs[0]].shape
    *outer, last = entries(shape, dict(node.options))
    whole = [slice(0, n, 1) for n in shape[:-1]]
    if outer != whole or not isinstance(last, slice) or last.step != 1:
        return None
    return Piece(node.inputs[0], last.start, last.stop - last.start, shape[-1])


def _names(graph: Graph, node: Node) -> tuple[str, ...] | None:
    """Return the operators of a chain that a node of the file is; None if it is not.

    A clamp behind an operator is a link of its own. In float16 it is rounded once more,
    which changes nothing: the bounds are float16 numbers, and rounding is monotone.
    """
    name = node.operator.name.lower()
    if name == "gelu" and node.options["approximate"]:
        name = "gelu_approximate"
    if len(node.inputs) != OPERATORS.get(name):
        return None
    for i in (*node.inputs, *node.outputs):
        if i is None or graph.tensors[i].dtype.kind != "f":
            return None
    clamp = node.options.get("activation", "none")
    return (name,) if clamp == "none" else (name, clamp)


def program(
    graph: Graph, nodes: Sequence[Node], first: int | None = None
) -> tuple[Program, list[int]] | None:
    """Return the program that element-wise nodes are, and its operands' tensors.

    Parameters
    ----------
    nodes : in their order; the last makes the output
    first : the tensor that is to be operand 0

    Returns
    -------
    None if they are of several shapes or dtypes, or too many, or if the operands
    broadcast in ways that one period does not describe.
    """
    parts = flattened(nodes)
    out = graph.tensors[parts[-1].outputs[0]]
    count = math.prod(out.shape)
    reader = _Reader(graph, first)
    results: dict[int, Place] = {}
    links: list[Link] = []
    for part in parts:
        (made,) = part.outputs
        shape = graph.tensors[made].shape
        if shape != out.shape and math.prod(shape) != count:
            return None
        if is_passive(graph, part):
            (source,) = (i for i in part.inputs if i is not None)
            if source in results:
                results[made] = results[source]
            else:
                reader.passed(part)
            continue
        given = [i for i in part.inputs if i is not None]
        places = [results.get(i) or reader.place(i, shape) for i in given]
        names = _names(graph, part)
        assert names is not None
        for name in names:
            links.append(Link(name, tuple(places)))
            places = [Place(True, len(links) - 1)]
        results[made] = places[0]
    operands = reader.operands
    if len(links) > MOST_LINKS or len(operands) > MOST_OPERANDS:
        return None
    if any(graph.tensors[i].dtype != out.dtype for i in operands):
        return None
    if first is not None:
        size = math.prod(graph.tensors[first].shape)  # its rank may be another
        if size != count or first in operands[1:]:
            return None
    description = _described(reader, links)
    return None if description is None else (description, operands)


class _Reader:
    """The operands of a program: what they are, and how each is read.

    operands, starts : the tensors, and where a piece of rows begins in them
    ways : of each (kind, period, rows of an image); None where it is no way, or two
    """

    def __init__(self, graph: Graph, first: int | None) -> None:
        self.graph = graph
        self.operands: list[int] = []
        self.starts: list[int] = []
        self.ways: list[tuple[int, int, int] | None] = []
        self.pitches: set[int] = set()
        self._through: dict[int, int | Piece] = {}
        if first is not None:
            shape = graph.tensors[first].shape
            self._known(first, 0, (SAME, math.prod(shape), 1))

    def passed(self, node: Node) -> None:
        """Note that a passive node's output is its input, or a piece of its rows."""
        (source,) = (i for i in node.inputs if i is not None)
        found = piece(self.graph, node)
        self._through[node.outputs[0]] = found or self._through.get(source, source)
        if found is not None and source in self._through:
            self.ways.append(None)  # a piece of a piece

    def place(self, i: int, shape: Shape) -> Place:
        """Return the operand that a link of an output of ``shape`` reads."""
        source = self._through.get(i, i)
        if isinstance(source, Piece):
            self.pitches.add(source.pitch)
            way = PIECE, source.width, 1
            return self._known(source.tensor, source.start, way)
        return self._known(source, 0, broadcast(self.graph.tensors[i].shape, shape))

    def _known(
        self, tensor: int, start: int, way: tuple[int, int, int] | None
    ) -> Place:
        for n, known in enumerate(zip(self.operands, self.starts, strict=True)):
            if known == (tensor, start):
                if self.ways[n] != way:
                    self.ways[n] = None
                return Place(False, n)
        self.operands.append(tensor)
        self.starts.append(start)
        self.ways.append(way)
        return Place(False, len(self.operands) - 1)


def _described(reader: _Reader, links: Sequence[Link]) -> Program | None:
    """Return the program, if one period, and one pitch, describe all operands."""
    kinds, periods, rows = [], set(), set()
    for way in reader.ways:
        if way is None:
            return None
        kind, period, per_image = way
        kinds.append(kind)
        if kind in (CHANNEL, IMAGE, ROW, PIECE):
            periods.add(period)
        if kind == IMAGE:
            rows.add(per_image)
    if max(len(periods), len(rows), len(reader.pitches)) > 1:
        return None
    return Program(
        tuple(links),
        tuple(kinds),
        periods.pop() if periods else _ENDLESS,
        rows.pop() if rows else 1,
        reader.pitches.pop() if reader.pitches else 0,
        tuple(reader.starts) if any(reader.starts) else (),
    )


@lru_cache(4096)
def broadcast(operand: Shape, shape: Shape) -> tuple[int, int, int] | None:
    """Return (kind, period, rows of an image) of an operand of an output of ``shape``.

    None if its axes change between whole and 1 more often than `Program` can say.
    """
    if len(operand) > len(shape):
        return None
    aligned = (1,) * (len(shape) - len(operand)) + operand
    runs: list[tuple[bool, int]] = []  # (whole, elements), neighbours joined
    for n, extent in zip(aligned, shape, strict=True):
        if extent == 1:
            continue
        if n not in (1, extent):
            return None
        whole = n == extent
        if runs and runs[-1][0] == whole:
            extent *= runs.pop()[1]
        runs.append((whole, extent))
    sizes = [size for _, size in runs]
    pattern = tuple(whole for whole, _ in runs)
    if pattern in ((), (True,)):
        return SAME, math.prod(shape), 1
    if pattern == (False,):
        return SCALAR, math.prod(shape), 1
    if pattern == (False, True):
        return CHANNEL, sizes[1], 1
    if pattern == (True, False):
        return ROW, sizes[1], 1
    if pattern == (True, False, True):
        return IMAGE, sizes[2], sizes[1]
    return None
