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
from qd8.graph.graph import Graph, Node
from qd8.graph.model import Model, kept_tensors

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
        (output,) = node.outputs
        values[output] = run_node(graph, node, values)
        for i in node.inputs:
            if i in values and last_use[i] == position and i not in names.values():
                del values[i]
    return {name: values[i] for name, i in names.items()}


def run_node(graph: Graph, node: Node, values: Mapping[int, Array]) -> Array:
    """Run one node by its definition, on the values of what is computed."""
    arrays = [
        None if i is None else values[i] if constant is None else constant
        for i, constant in zip(node.inputs, graph.arrays(node), strict=True)
    ]
    inputs = list(node.operator.view(arrays, dict(node.options)))
    (output,) = node.outputs
    tensor = graph.tensors[output]
    if node.reference == "cast":
        # R4: NumPy's conversion is the definition's, widening exact, narrowing
        # to nearest even.
        with np.errstate(over="ignore"):
            return np.asarray(inputs[0].astype(tensor.dtype))
    function = getattr(qd8_reference, node.reference)
    found: Array
    if node.operator.variadic:
        found = function(inputs, **node.options)
    elif node.quantized:
        x, weight, bias = inputs
        scale = graph.tensors[node.weight].scale
        found = function(x, weight, scale, bias, **node.options)
    else:
        found = function(*inputs, **node.options)
    assert found.dtype == tensor.dtype, (node, found.dtype)
    return found.reshape(tensor.shape)
