"""Files compared as graphs: what is computed from what, whatever the numbering."""

import math
from collections import Counter
from typing import Any

from qd8 import tflite


def canonical(file: tflite.File) -> list[tuple[Any, ...]]:
    """Return a row for each operator: all that the file says, but no weights.

    Activations are named by the operator that computes them, constants by type, shape
    and scales; integers (shapes, axes) also by value.
    """
    graph = file.main
    where: dict[int, Any] = {i: ("input", k) for k, i in enumerate(graph.inputs)}

    def described(i: int) -> Any:
        if i < 0:
            return None
        tensor = graph.tensors[i]
        if tensor.data is None:
            return where[i], tensor.shape
        value: Any = None
        if tensor.quantization is not None:
            value = tensor.quantization.scale.size, tensor.quantization.axis
        elif tensor.dtype == "INT32":
            value = tuple(tensor.data.ravel().tolist())
        return tensor.dtype, tensor.shape, value

    rows = []
    for operator in graph.operators:
        inputs = tuple(described(i) for i in operator.inputs)
        where |= {i: (operator.index, k) for k, i in enumerate(operator.outputs)}
        shapes = tuple(graph.tensors[i].shape for i in operator.outputs)
        options = tuple(sorted(operator.options.items()))
        rows.append((operator.op, operator.version, inputs, shapes, options))
    return rows


def counts(file: tflite.File) -> dict[str, int]:
    """Count the operators of each kind."""
    return dict(Counter(operator.op for operator in file.main.operators))


def macs(file: tflite.File) -> int:
    """Count multiply-accumulates of convolutions and matrix products."""
    total = 0
    for operator in file.main.operators:
        shapes = [file.main.tensors[i].shape for i in operator.inputs if i >= 0]
        output = math.prod(file.main.tensors[operator.outputs[0]].shape)
        if operator.op == "CONV_2D":
            total += output * math.prod(shapes[1][1:])
        elif operator.op == "DEPTHWISE_CONV_2D":
            total += output * math.prod(shapes[1][1:3])
        elif operator.op in ("FULLY_CONNECTED", "BATCH_MATMUL"):
            total += output * shapes[0][-1]
    return total


def parameters(file: tflite.File) -> int:
    """Count the elements of float and int8 constants."""
    stored = ("FLOAT32", "INT8")
    found = (t for t in file.main.tensors if t.data is not None and t.dtype in stored)
    return sum(math.prod(tensor.shape) for tensor in found)
