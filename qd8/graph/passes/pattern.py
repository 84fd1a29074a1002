"""Finding a pattern of operators in a graph, from its last operator backward."""

from collections.abc import Mapping

from ..graph import Graph, Node
from .rewrite import Uses

COMMUTES = ("ADD", "MUL", "SQUARED_DIFFERENCE")
Pattern = Mapping[str, tuple[str, ...]]


class Match:
    """What the names of a pattern stand for.

    tensors : {name: tensor}, of an operator its output
    nodes : {name: node}, of the names that stand for operators
    casts : CASTs that were passed between them
    """

    def __init__(self) -> None:
        self.tensors: dict[str, int] = {}
        self.nodes: dict[str, Node] = {}
        self.casts: set[Node] = set()

    def copy(self) -> "Match":
        """Return a match that may go another way from here."""
        other = Match()
        other.tensors, other.nodes = dict(self.tensors), dict(self.nodes)
        other.casts = set(self.casts)
        return other

    @property
    def all_nodes(self) -> set[Node]:
        """The operators and the casts."""
        return {*self.nodes.values(), *self.casts}


def match(uses: Uses, pattern: Pattern, last: Node) -> Match | None:
    """Return how a pattern, whose first name is its last operator, ends in a node.

    Parameters
    ----------
    pattern : {name: (operator, name of an operand, ...)}
        A name without an entry is a tensor that the pattern reads. The same name is
        the same tensor, possibly read through a CAST. Clamped operators do not match.
    """
    name = next(iter(pattern))
    return _operator(uses, pattern, name, last, Match())


def closed(graph: Graph, uses: Uses, found: Match, last: Node) -> bool:
    """Whether nobody else reads what the operators of a match make but the last."""
    inside = found.all_nodes
    kept = {*graph.outputs.values()}
    made = [i for node in inside if node is not last for i in node.outputs]
    return not any(i in kept or {*uses.readers.get(i, ())} - inside for i in made)


def _operator(
    uses: Uses, pattern: Pattern, name: str, node: Node, so_far: Match
) -> Match | None:
    operator, *operands = pattern[name]
    given = [i for i in node.inputs if i is not None]
    if (
        node.operator.name != operator
        or node.options.get("activation", "none") != "none"
        or len(given) != len(operands)
    ):
        return None
    orders = [given, given[::-1]] if operator in COMMUTES else [given]
    for order in orders:
        found: Match | None = so_far.copy()
        assert found is not None
        found.nodes[name], found.tensors[name] = node, node.outputs[0]
        for operand, i in zip(operands, order, strict=True):
            found = found and _operand(uses, pattern, operand, i, found)
        if found is not None:
            return found
    return None


def _operand(
    uses: Uses, pattern: Pattern, name: str, i: int, so_far: Match
) -> Match | None:
    """Match a tensor with a name, or what it is cast from."""
    casts: list[Node] = []
    while True:
        found = _tensor(uses, pattern, name, i, so_far)
        if found is not None:
            found.casts.update(casts)
            return found
        node = uses.maker.get(i)
        if node is None or node.operator.name != "CAST" or node.inputs[0] is None:
            return None
        casts.append(node)
        i = node.inputs[0]


def _tensor(
    uses: Uses, pattern: Pattern, name: str, i: int, so_far: Match
) -> Match | None:
    if name in so_far.tensors:
        return so_far if so_far.tensors[name] == i else None
    if name in pattern:
        node = uses.maker.get(i)
        return None if node is None else _operator(uses, pattern, name, node, so_far)
    found = so_far.copy()
    found.tensors[name] = i
    return found
