"""A model as data: tensors, and nodes in the order in which they run.

A graph is made from a file by `build`, changed by passes (`precision`), and read by
`plan`, `inspect` and the oracle. It is immutable; a pass returns another graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .operators import Operator


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor.

    name : unique in its graph
    data : its value if it is a constant, else None
    scale : (n,) or (1,) float32, real units per step, of an int8 weight; else None
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: npt.NDArray[Any] | None = field(default=None, repr=False)
    scale: npt.NDArray[np.float32] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One call of an operator.

    index : its place in the file; None for one that a pass has put in
    inputs : indices of tensors, None for an absent one
    options : the keywords of the operator's reference function
    quantized : runs dynamically quantized; ``reason`` says why, or why not
    """

    index: int | None
    operator: Operator
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    quantized: bool = False
    reason: str = ""

    @property
    def weight(self) -> int:
        """The tensor of the weight, of a node whose operator has one."""
        weight = self.inputs[1]
        assert weight is not None
        return weight

    @property
    def reference(self) -> str:
        """The name of the function of qd8_reference that defines this node."""
        if self.quantized:
            assert self.operator.quantized is not None
            return self.operator.quantized.reference
        return self.operator.reference


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Tensors by index, nodes in order, and the public names of the edges.

    inputs, outputs : public name -> index of a tensor, in the file's order
    source : what errors call the file
    """

    source: str
    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

    def arrays(self, node: Node) -> list[npt.NDArray[Any] | None]:
        """Return the constants among the inputs of a node, None for the others."""
        return [None if i is None else self.tensors[i].data for i in node.inputs]

    def shapes(self, node: Node) -> list[tuple[int, ...] | None]:
        """Return the shapes of the inputs of a node, None for absent ones."""
        return [None if i is None else self.tensors[i].shape for i in node.inputs]

    def replace(self, **changes: Any) -> "Graph":
        """Return the graph with some fields changed."""
        return replace(self, **changes)
