"""A model as data: tensors, and nodes in the order in which they run.

A graph is made from a file by `build`, changed by passes (`precision`), and read by
`plan`, `inspect` and the oracle. It is immutable; a pass returns another graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels.chain_program import Program
from qd8.records import field, record

from .constants import Constant
from .operators import Operator
from .operators.operator import Input


@record(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor.

    name : unique in its graph
    constant : where its value comes from; None if it is computed by a run
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    constant: Constant | None = None

    @property
    def is_constant(self) -> bool:
        """Whether its value is known before a run."""
        return self.constant is not None

    @property
    def data(self) -> npt.NDArray[Any] | None:
        """Its value if it is a constant, else None; possibly made for the asker."""
        return None if self.constant is None else self.constant.load().data

    @property
    def scale(self) -> npt.NDArray[np.float32] | None:
        """Real units per step, (n,) or (1,), of an int8 constant; else None."""
        return None if self.constant is None else self.constant.load().scale


@record(frozen=True, slots=True, eq=False)
class Node:
    """One call of an operator.

    index : its place in the file; None for one that a pass has put in
    inputs : indices of tensors, None for an absent one
    options : the keywords of the operator's reference function
    quantized : runs dynamically quantized; ``reason`` says why, or why not
    parts : the nodes of the unfused graph that this one stands for, in their order:
        their references, one after the other, define it; empty if it is one of them
    tail : what is done in place to the output that the operator makes, or made of its
        halves; its operands but those (`Program.made`) are the last of ``inputs``
    factors : of a quantized layer of rows, the tensor that its rows are multiplied by
        before they are quantized, the last of ``inputs``; None of others
    stages : the nodes that run in its place, band by band (bands.py), each reading
        what the one before it makes; empty of a node that runs as a whole
    ranged : where one thread makes the output, its range is found on the way, for
        those who quantize it as a whole
    """

    index: int | None
    operator: Operator
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    quantized: bool = False
    reason: str = ""
    parts: tuple["Node", ...] = ()
    tail: Program | None = None
    factors: int | None = None
    stages: tuple["Node", ...] = ()
    ranged: bool = False

    @property
    def own_inputs(self) -> tuple[int | None, ...]:
        """The inputs that the operator takes, without those of the tail."""
        more = 0 if self.tail is None else len(self.tail.kinds) - self.tail.made
        more += self.factors is not None
        return self.inputs[: len(self.inputs) - more]

    @property
    def tail_inputs(self) -> tuple[int | None, ...]:
        """The inputs that the tail takes besides what the operator makes."""
        end = len(self.inputs) - (self.factors is not None)
        return self.inputs[len(self.own_inputs) : end]

    @property
    def weight(self) -> int:
        """The tensor of the weight, of a node whose operator has one."""
        weight = self.inputs[1]
        assert weight is not None
        return weight

    def role(self, place: int) -> Input:
        """What the operator says about its input at a place."""
        roles = self.operator.kept
        return roles[min(place, len(roles) - 1)]

    @property
    def reference(self) -> str:
        """The name of the function of qd8_reference that defines this node."""
        if self.quantized:
            assert self.operator.quantized is not None
            return self.operator.quantized.reference
        return self.operator.reference


def keywords(node: Node, inputs: Sequence[Tensor | None]) -> dict[str, Any]:
    """Return the options of a node, with the scale of a table that it reads (R27)."""
    found = dict(node.options)
    for place, tensor in enumerate(inputs):
        if tensor is not None and tensor.dtype == np.int8 and node.role(place).table:
            found["scale"] = tensor.scale
    return found


class Slice(NamedTuple):
    """A tensor that lies within another: columns ``first`` and following of it."""

    tensor: int
    first: int


@record(frozen=True, eq=False)
class Graph:
    """Tensors by index, nodes in order, and the public names of the edges.

    inputs, outputs : public name -> index of a tensor, in the file's order
    source : what errors call the file
    slices : tensors that are written where another one's last axis has them
    """

    source: str
    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    slices: Mapping[int, Slice] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The names of its operators."""
        return frozenset(node.operator.name for node in self.nodes)

    def weight(self, node: Node) -> Tensor | None:
        """Return the constant weight of a node, None if it has none.

        The second operand of BATCH_MATMUL is one only if it is a constant.
        """
        if node.operator.weight_axis is None or node.inputs[1] is None:
            return None
        tensor = self.tensors[node.inputs[1]]
        return tensor if tensor.is_constant else None

    def keywords(self, node: Node) -> dict[str, Any]:
        """Return what the definition and the kernel of a node are called with."""
        inputs = [None if i is None else self.tensors[i] for i in node.inputs]
        return keywords(node, inputs)

    def arrays(self, node: Node) -> list[npt.NDArray[Any] | None]:
        """Return the constants among the inputs of a node, None for the others."""
        return [None if i is None else self.tensors[i].data for i in node.inputs]

    def shapes(self, node: Node) -> list[tuple[int, ...] | None]:
        """Return the shapes of the inputs of a node, None for absent ones."""
        return [None if i is None else self.tensors[i].shape for i in node.inputs]

    def macs(self, node: Node) -> int:
        """Return the multiply-accumulates of a node: of all its parts."""
        return sum(
            each.operator.macs(self.shapes(each), self.tensors[each.outputs[0]].shape)
            for each in node.parts or (node,)
        )

    def replace(self, **changes: Any) -> "Graph":
        """Return the graph with some fields changed."""
        return replace(self, **changes)
