"""The precision pass (R30): which nodes run quantized, which tensors are float16.

precision   int8 weights   float weights      activations
fp32        dequantized    float32            float32
qd8-f32     quantized      float32 (a)        float32
qd8-f16     quantized      float16 (a)        float16
fp16        dequantized    float16            float16

(a) In a file without int8 weights, those of CONV_2D and FULLY_CONNECTED with 1024
elements and more are quantized by the converter's rule (R12). Biases are float32
everywhere, as are the inputs and outputs of the model. int8 tables stay int8 and are
dequantized as they are read. Integers and truth values stay what they are.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from qd8 import tflite

from .constants import Converted
from .graph import Graph, Node, Tensor
from .operators.cast import CAST
from .operators.operator import Operator

PRECISIONS = ("fp32", "qd8-f32", "qd8-f16", "fp16")
# The converter's own limit, below which it leaves weights in float.
# Source: tensorflow/lite/tools/optimize/quantize_weights.cc, kWeightsMinNumElements.
MIN_ELEMENTS = 1024
# Operators whose results need float32's range (R30).
WIDE = frozenset({"SUM", "SQUARE", "SQUARED_DIFFERENCE", "CUMSUM"})


class Decision(NamedTuple):
    """Whether a node runs dynamically quantized, and why or why not."""

    quantized: bool
    reason: str


NO_WEIGHTS = Decision(False, "no weights")


def file_precision(weights: Iterable[tuple[Operator, Any]]) -> str:
    """Return the precision that a file asks for.

    Parameters
    ----------
    weights : (operator, dtype of its weight) for each node that has weights
    """
    return "qd8-f32" if _has_int8(weights) else "fp32"


def decide(
    operator: Operator | None,
    dtype: Any,
    elements: int,
    precision: str,
    float_file: bool,
) -> Decision:
    """Decide for one node how its weights are used.

    Parameters
    ----------
    operator : Operator or None
        None for one that qd8 does not have.
    dtype : NumPy dtype or None
        Of its weight in the file; None if it has no weight.
    elements : int
        Of its weight.
    precision : one of `PRECISIONS`
    float_file : bool
        No weight in the file is int8.
    """
    if operator is None:
        return Decision(False, "qd8 does not have this operator")
    if operator.weight_axis is None or dtype is None:
        return NO_WEIGHTS
    is_int8 = np.dtype(dtype) == np.int8
    if operator.quantized is None:
        reason = f"{operator.name} has no dynamically quantized form"
        if is_int8:
            reason += ": its int8 weights are dequantized at load"
        return Decision(False, reason)
    if not precision.startswith("qd8"):
        reason = f"precision {precision}"
        if is_int8:
            reason += ": its int8 weights are dequantized at load"
        return Decision(False, reason)
    if is_int8:
        return Decision(True, "int8 weights in the file")
    if not operator.quantized.from_float:
        return Decision(False, f"float weights of {operator.name} stay float")
    if not float_file:
        return Decision(False, "float weights in a file with int8 weights")
    if elements < MIN_ELEMENTS:
        return Decision(False, f"{elements} weights, fewer than {MIN_ELEMENTS}")
    return Decision(True, "float weights quantized by the converter's rule")


def apply_precision(graph: Graph, precision: str | None) -> tuple[Graph, str]:
    """Return the graph in a precision, and which that is.

    Parameters
    ----------
    graph : Graph
        As the file says.
    precision : one of `PRECISIONS`, or None
        None is ``"qd8-f32"`` for a file with int8 weights, else ``"fp32"``.

    Raises
    ------
    ValueError
        If there is no such precision.
    """
    weights = [(node.operator, graph.weight(node)) for node in graph.nodes]
    dtypes = [(operator, w.dtype) for operator, w in weights if w is not None]
    if precision is None:
        precision = file_precision(dtypes)
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision is {precision!r}; needed is one of {', '.join(PRECISIONS)}"
        )
    float_file = not _has_int8(dtypes)
    nodes = []
    for node, (operator, weight) in zip(graph.nodes, weights, strict=True):
        if weight is None:
            nodes.append(replace(node, reason=NO_WEIGHTS.reason))
            continue
        decision = decide(
            operator, weight.dtype, math.prod(weight.shape), precision, float_file
        )
        nodes.append(
            replace(node, quantized=decision.quantized, reason=decision.reason)
        )
    graph = graph.replace(nodes=tuple(nodes))
    if not precision.endswith("16"):
        return _convert_constants(graph, half=False, wide=frozenset()), precision
    wide = statistics(graph)
    graph = _convert_constants(graph, half=True, wide=wide)
    return _convert_activations(graph, wide), precision


def statistics(graph: Graph) -> frozenset[int]:
    """Return the tensors that stay float32 in a 16-bit precision (R30).

    Sums and squares leave float16's range long before what they are made from does:
    a group norm over 40,960 elements of unit variance is infinite in float16. So the
    outputs of `WIDE` are float32, and what is computed from such tensors alone.
    """
    wide: set[int] = set()
    for node in graph.nodes:
        floats = [
            i
            for i in node.inputs
            if i is not None
            and graph.tensors[i].dtype == np.float32
            and not graph.tensors[i].is_constant
        ]
        alone = bool(floats) and wide.issuperset(floats)
        if node.operator.name in WIDE or (alone and not node.quantized):
            wide.update(i for i in node.outputs if graph.tensors[i].dtype == np.float32)
    return frozenset(wide)


def _has_int8(weights: Iterable[tuple[Operator, Any]]) -> bool:
    return any(dtype == np.int8 for _, dtype in weights)


def _convert_constants(graph: Graph, *, half: bool, wide: frozenset[int]) -> Graph:
    """Give each node its constants in the type in which it uses them.

    Two nodes may use one constant differently, so each use gets its own tensor
    where the type changes, and uses that agree share it.
    """
    tensors = list(graph.tensors)
    made: dict[tuple[int, str, int], int] = {}
    nodes = []
    for node in graph.nodes:
        inputs = list(node.inputs)
        narrow = half and wide.isdisjoint(node.outputs)
        for place, index in enumerate(inputs):
            if index is None or not tensors[index].is_constant:
                continue
            kind = _kind(tensors[index], node, place, narrow)
            if tensors[index].dtype == np.dtype(kind):
                continue
            rank = len(tensors[index].shape)
            axis = node.operator.channel_axis(node.options, rank) or 0
            key = index, kind, axis
            if key not in made:
                made[key] = len(tensors)
                tensors.append(_converted(tensors[index], kind, axis))
            inputs[place] = made[key]
        changed = tuple(inputs) != node.inputs
        nodes.append(replace(node, inputs=tuple(inputs)) if changed else node)
    return graph.replace(tensors=tuple(tensors), nodes=tuple(nodes))


def _kind(tensor: Tensor, node: Node, place: int, half: bool) -> str:
    """Name the dtype in which a node uses a constant."""
    is_int8 = tensor.dtype == np.int8 and tensor.scale is not None
    if tensor.dtype != np.float32 and not is_int8:
        return tensor.dtype.name
    role = node.role(place)
    if (place == 1 and node.quantized) or (is_int8 and role.table):
        return "int8"
    return "float16" if half and not role.stays_float32 else "float32"


def _converted(tensor: Tensor, kind: str, axis: int) -> Tensor:
    assert tensor.constant is not None
    constant = Converted(tensor.constant, kind, axis)
    return Tensor(f"{tensor.name} ({kind})", tensor.shape, np.dtype(kind), constant)


def _convert_activations(graph: Graph, wide: frozenset[int]) -> Graph:
    """Make float activations float16 but for ``wide`` ones; convert at the edges."""
    half = np.dtype(np.float16)
    narrowed = [
        not tensor.is_constant and tensor.dtype == np.float32 and i not in wide
        for i, tensor in enumerate(graph.tensors)
    ]
    tensors = [
        replace(tensor, dtype=half) if narrow else tensor
        for tensor, narrow in zip(graph.tensors, narrowed, strict=True)
    ]
    inner: dict[int, int] = {}
    for i in dict.fromkeys((*graph.inputs.values(), *graph.outputs.values())):
        if not narrowed[i]:
            continue
        tensors[i] = graph.tensors[i]
        inner[i] = len(tensors)
        name = f"{graph.tensors[i].name} (float16)"
        tensors.append(replace(graph.tensors[i], name=name, dtype=half))
    nodes = [_cast(i, inner[i]) for i in graph.inputs.values() if i in inner]
    turned: dict[tuple[int, str], int] = {}
    for node in graph.nodes:
        kind = "float16" if wide.isdisjoint(node.outputs) else "float32"
        inputs = list(node.inputs)
        for place, read in enumerate(node.inputs):
            if read is None:
                continue
            inputs[place] = i = inner.get(read, read)
            tensor = tensors[i]
            if tensor.is_constant or tensor.dtype.name in (kind, *_NOT_FLOAT):
                continue
            if (i, kind) not in turned:
                turned[i, kind] = len(tensors)
                name = f"{tensor.name} (as {kind})"
                tensors.append(replace(tensor, name=name, dtype=np.dtype(kind)))
                nodes.append(_cast(i, turned[i, kind], "edge of a statistic"))
            inputs[place] = turned[i, kind]
        outputs = tuple(inner.get(i, i) for i in node.outputs)
        nodes.append(replace(node, inputs=tuple(inputs), outputs=outputs))
    given = set(graph.inputs.values())
    nodes += [
        _cast(inner[i], i)
        for i in graph.outputs.values()
        if i not in given and i in inner
    ]
    return graph.replace(tensors=tuple(tensors), nodes=tuple(nodes))


_NOT_FLOAT = ("int8", "uint8", "int32", "int64", "bool")


def _cast(source: int, target: int, reason: str = "edge of the model") -> Node:
    return Node(None, CAST, (source,), (target,), {}, reason=reason)


def weights_of(
    operators: Iterable[tflite.Operator],
    tensors: tuple[tflite.Tensor, ...],
    known: Mapping[str, Operator],
) -> list[tuple[Operator, Any]]:
    """Return (operator, NumPy dtype of its weight) as a file says, for `decide`."""
    found = []
    for call in operators:
        operator = known.get(call.op)
        if operator and operator.weight_axis is not None and len(call.inputs) > 1:
            if call.inputs[1] == -1:
                continue
            weight = tensors[call.inputs[1]]
            dtype = None if weight.data is None else tflite.DTYPES.get(weight.dtype)
            found.append((operator, np.dtype(dtype) if dtype else None))
    return found
