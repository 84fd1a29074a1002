"""A whole model on the oracle, operator by operator.

The graph is the one that the kernels run, after the precision pass, so that both
are given the same constants; every operator is the function of `qd8_reference` that
defines it. NumPy's exact FMA takes 100 ns: this is for small models and few images.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import qd8_reference

from qd8.graph.edges import collect_inputs
from qd8.graph.graph import Graph, Node, Tensor
from qd8.graph.keep import kept_tensors
from qd8.graph.model import Model

Array = npt.NDArray[Any]


def run_reference(
    model: Model,
    inputs: Mapping[str, Any] | Any,
    keep: Iterable[str] | Literal["all"] = (),
) -> dict[str, Array]:
    """Run a model by its definition.

    Parameters
    ----------
    model : Model
    inputs : {name: array}, or the array of a model with one input
    keep : names of tensors to return too, or "all"

    Returns
    -------
    dict
        Arrays by name, as `Model.run` returns them: the outputs, then the kept.
    """
    graph = model.graph
    named = isinstance(inputs, Mapping)
    arrays = collect_inputs(
        model.inputs, () if named else (inputs,), inputs if named else {}
    )
    values: dict[int, Array] = dict(zip(graph.inputs.values(), arrays, strict=True))
    values = {i: np.array(x, x.dtype.newbyteorder("=")) for i, x in values.items()}
    names = {**graph.outputs, **kept_tensors(graph, keep)}
    last_use = {i: n for n, node in enumerate(graph.nodes) for i in node.inputs}
    for position, node in enumerate(graph.nodes):
        values.update(zip(node.outputs, run_node(graph, node, values), strict=True))
        for i in node.inputs:
            if i in values and last_use[i] == position and i not in names.values():
                del values[i]
    for i in names.values():
        constant = graph.tensors[i].data
        if constant is not None:
            values[i] = np.array(constant, constant.dtype.newbyteorder("="))
    return {name: values[i] for name, i in names.items()}


def run_node(graph: Graph, node: Node, values: Mapping[int, Array]) -> list[Array]:
    """Run one node by its definition, on the values of what is computed.

    A fused node is defined by its parts, which are run one after the other.
    """
    if node.parts:
        known = dict(values)
        for part in node.parts:
            known.update(zip(part.outputs, run_node(graph, part, known), strict=True))
        return [known[i] for i in node.outputs]
    arrays = [
        None if i is None else values[i] if constant is None else constant
        for i, constant in zip(node.inputs, graph.arrays(node), strict=True)
    ]
    options = graph.keywords(node)
    inputs = list(node.operator.view(arrays, options))
    outputs = [graph.tensors[i] for i in node.outputs]
    if node.operator.typed:
        options["dtype"] = outputs[0].dtype
    found = _call(graph, node, inputs, options)
    made = found if node.operator.several else [found]
    return [
        _stored(each, tensor).reshape(tensor.shape)
        for each, tensor in zip(made, outputs, strict=True)
    ]


def _call(graph: Graph, node: Node, inputs: list[Any], options: dict[str, Any]) -> Any:
    """Call the function that defines a node."""
    function = getattr(qd8_reference, node.reference)
    if node.operator.variadic:
        return function(inputs, **options)
    if node.quantized:
        x, weight, *rest = inputs
        scale = graph.tensors[node.weight].scale
        return function(x, weight, scale, *rest, **options)
    return function(*inputs, **options)


def _stored(found: Array, tensor: Tensor) -> Array:
    """Return a result in the dtype of its tensor.

    Rows of an int8 table are float32 by R27, and rounded once where the graph has a
    float16 tensor (R4, C4); nothing else changes its dtype.
    """
    if found.dtype == np.float32 and tensor.dtype == np.float16:
        with np.errstate(over="ignore"):
            return found.astype(np.float16)
    assert found.dtype == tensor.dtype, (tensor, found.dtype)
    return found
