"""A node with its arrays, as its operator or its layer binds them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qd8.records import record

from .graph import Graph, Node, Tensor
from .packing import Packed
from .ranged import States

if TYPE_CHECKING:
    from qd8.kernels.launch import Call
    from qd8.kernels.tail import Tail

Array = npt.NDArray[Any]
_ZEROS = bytes(16)  # one element of any dtype


@record(frozen=True, slots=True)
class Prepared:
    """What binding a node takes.

    inputs : in the shapes that its kernels take, its packed weight among them
    out : array, or a list of them where the operator has several
    """

    node: Node
    packed: Packed
    options: dict[str, Any]
    inputs: list[Any]
    out: Any
    tail: "Tail | None"

    def scratch_bytes(self, threads: int) -> int:
        """Bytes of scratch that the quantized layer needs."""
        return int(self.packed.layer.scratch_bytes(self.inputs[0], threads))

    def bind(
        self, threads: int, room: npt.NDArray[np.uint8] | None = None
    ) -> "list[Call]":
        """Return the calls; ``room`` is the scratch of a quantized layer."""
        layer, more = self.packed.layer, [] if self.tail is None else [self.tail]
        if layer is not None:
            calls: list[Call] = layer.bind(
                self.inputs[0], self.out, threads, room, *more
            )
            return calls
        options = self.options if not more else {**self.options, "tail": self.tail}
        return self.node.operator.bind(self.inputs, self.out, options, threads)


def prepared(
    graph: Graph,
    node: Node,
    packed: Packed,
    arrays: Mapping[int, Array],
    states: States,
    **changes: Any,
) -> Prepared:
    """Return a node ready to be bound.

    arrays : of its tensors; a packed constant has none
    states : of the ranges that are found as tensors are made
    changes : of its options
    """
    operator, options = node.operator, {**graph.keywords(node), **changes}
    given = [None if i is None else arrays.get(i) for i in node.own_inputs]
    outs = [operator.view_out(arrays[i]) for i in node.outputs]
    packs = packed.layer is not None or packed.weight is not None
    if packs and operator.of_parts is None:
        given[1] = shape_only(graph.tensors[node.weight])
    inputs = list(operator.view(given, options))
    if packed.weight is not None:
        inputs[1] = packed.weight
    out = outs if operator.several else outs[0]
    if node.tail is not None and node.tail.reads_halves:
        packed = packed._replace(layer=_gated(packed.layer, node, arrays))
        return Prepared(node, packed, options, inputs, out, None)
    if node.factors is not None:
        packed = packed._replace(layer=_scaled(packed.layer, node, arrays))
    return Prepared(node, packed, options, inputs, out, _tail(node, arrays, states))


def shape_only(tensor: Tensor) -> Array:
    """Return an array of a tensor's shape that takes no memory."""
    # What numpy.broadcast_to makes, in an eighth of its 7 us.
    strides = (0,) * len(tensor.shape)
    return np.ndarray(tensor.shape, tensor.dtype, _ZEROS, strides=strides)


def _gated(layer: Any, node: Node, arrays: Mapping[int, Array]) -> Any:
    """Return the layer that makes what the tail makes of the halves of its rows."""
    from qd8.gated import Gated

    assert node.tail is not None
    return Gated(layer, node.tail, _tail_operands(node, arrays))


def _tail(node: Node, arrays: Mapping[int, Array], states: States) -> "Tail | None":
    """Bind the tail of a node to its output, and what finds the output's range."""
    i, tail = node.outputs[0], None
    if node.tail is not None:
        from qd8.kernels.chain import bind_tail

        tail = bind_tail(node.tail, _tail_operands(node, arrays), arrays[i])
    if i not in states:
        return tail
    from qd8.kernels.range_tail import bind_range_tail

    return bind_range_tail(tail, arrays[i], states[i])


def _tail_operands(node: Node, arrays: Mapping[int, Array]) -> list[Array]:
    return [arrays[i] for i in node.tail_inputs if i is not None]


def _scaled(layer: Any, node: Node, arrays: Mapping[int, Array]) -> Any:
    """Return the layer that multiplies rows before it quantizes them."""
    from qd8.scaled import Scaled

    assert node.factors is not None
    return Scaled(getattr(layer, "pixels", layer), arrays[node.factors])
