"""Which nodes work element by element, and the program that several of them are."""

import math
from collections.abc import Sequence

from qd8.kernels.chain_program import (
    CHANNEL,
    IMAGE,
    MOST_LINKS,
    MOST_OPERANDS,
    OPERATORS,
    ROW,
    SAME,
    SCALAR,
    Link,
    Place,
    Program,
)

from ..graph import Graph, Node, Tensor
from .rewrite import flattened

Shape = tuple[int, ...]
_ENDLESS = 2**62  # the period where no operand has one


def is_elementwise(graph: Graph, node: Node) -> bool:
    """Whether a node, with all its parts, is made of links of float numbers."""
    return all(_names(graph, part) is not None for part in flattened([node]))


def _names(graph: Graph, node: Node) -> tuple[str, ...] | None:
    """Return the operators of a chain that a node of the file is; None if it is not.

    A clamp behind an operator is a link of its own. In float16 it is rounded once more,
    which changes nothing: the bounds are float16 numbers, and rounding is monotone.
    """
    name = node.operator.name.lower()
    if name == "gelu" and node.options["approximate"]:
        name = "gelu_approximate"
    tensors = [*node.inputs, *node.outputs]
    if name not in OPERATORS or len(node.inputs) != OPERATORS[name]:
        return None
    if not all(i is not None and graph.tensors[i].dtype.kind == "f" for i in tensors):
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
    operands = [] if first is None else [first]
    results: dict[int, Place] = {}
    links: list[Link] = []
    for part in parts:
        if graph.tensors[part.outputs[0]].shape != out.shape:
            return None
        places = []
        for i in part.inputs:
            assert i is not None
            if i not in results and i not in operands:
                operands.append(i)
            places.append(results.get(i) or Place(False, operands.index(i)))
        names = _names(graph, part)
        assert names is not None
        for name in names:
            links.append(Link(name, tuple(places)))
            places = [Place(True, len(links) - 1)]
        results[part.outputs[0]] = places[0]
    if len(links) > MOST_LINKS or len(operands) > MOST_OPERANDS:
        return None
    tensors = [graph.tensors[i] for i in operands]
    if any(tensor.dtype != out.dtype for tensor in tensors):
        return None
    if first is not None and tensors[0].shape != out.shape:
        return None
    made = _described(tensors, out.shape, links)
    return None if made is None else (made, operands)


def _described(
    tensors: Sequence[Tensor], shape: Shape, links: Sequence[Link]
) -> Program | None:
    """Return the program, if one period describes all operands."""
    found = [broadcast(tensor.shape, shape) for tensor in tensors]
    kinds, periods, rows = [], set(), set()
    for each in found:
        if each is None:
            return None
        kind, period, per_image = each
        kinds.append(kind)
        if kind in (CHANNEL, IMAGE, ROW):
            periods.add(period)
        if kind == IMAGE:
            rows.add(per_image)
    if len(periods) > 1 or len(rows) > 1:
        return None
    period = periods.pop() if periods else _ENDLESS
    return Program(tuple(links), tuple(kinds), period, rows.pop() if rows else 1)


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
