"""The operators of a model, as its interface shows them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from qd8.records import field, record

from .edges import TensorInfo, did_you_mean, info
from .graph import Graph, Node, Tensor


@record(frozen=True, slots=True, eq=False)
class Layer:
    """One operator of a model.

    index : its place in the file; None for one that a pass has put in
    name : the name of the (first) tensor that it computes
    op : TFLite's name of the operator
    options : the keywords of its reference function
    inputs, outputs : the tensors, constants included; an absent input is left out
    weight : as it is used, int8 or float; None for an operator without weights
    weight_scale : (n,) or (1,) float32, real units per step; None unless quantized
    bias : (n,) float32 or None
    quantized : runs dynamically quantized
    reason : why, or why not
    operator : the bound `qd8.FullyConnected` or `qd8.Conv2D`; None unless quantized
    """

    index: int | None
    name: str
    op: str
    options: Mapping[str, Any]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    quantized: bool
    reason: str
    operator: Any = field(default=None, repr=False)
    _weight: Tensor | None = field(default=None, repr=False)
    _bias: Tensor | None = field(default=None, repr=False)

    @property
    def weight(self) -> npt.NDArray[Any] | None:
        """The weight as it is used; read from the file or converted when asked for."""
        return None if self._weight is None else self._weight.data

    @property
    def weight_scale(self) -> npt.NDArray[np.float32] | None:
        """Real units per step of an int8 weight."""
        return None if self._weight is None else self._weight.scale

    @property
    def bias(self) -> npt.NDArray[np.float32] | None:
        """One for each output channel."""
        return None if self._bias is None else self._bias.data

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """Inputs, then outputs."""
        return self.inputs + self.outputs


class Layers(Sequence[Layer]):
    """Layers in the order in which they run, by position or by name."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)
        self._by_name = {layer.name: layer for layer in layers}

    @overload
    def __getitem__(self, key: int | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> "Layers": ...
    def __getitem__(self, key: int | str | slice) -> "Layer | Layers":
        if isinstance(key, slice):
            return Layers(self._layers[key])
        if isinstance(key, str):
            if key not in self._by_name:
                raise KeyError(
                    f"no layer computes {key!r}{did_you_mean(key, self._by_name)}"
                )
            return self._by_name[key]
        return self._layers[key]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    def __repr__(self) -> str:
        lines = (f"{i}: {layer.op} {layer.name}" for i, layer in enumerate(self))
        return "\n".join(lines)


def describe(graph: Graph, node: Node, operator: Any = None) -> Layer:
    """Return the layer that a node is."""
    infos = [info(graph, i) for i in node.inputs if i is not None]
    weight, bias = graph.weight(node), None
    if weight is not None and len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = graph.tensors[node.inputs[2]]
    return Layer(
        index=node.index,
        name=graph.tensors[node.outputs[0]].name,
        op=node.operator.name,
        options=dict(node.options),
        inputs=tuple(infos),
        outputs=tuple(info(graph, i) for i in node.outputs),
        quantized=node.quantized,
        reason=node.reason,
        operator=operator,
        _weight=weight,
        _bias=bias,
    )
