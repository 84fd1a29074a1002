"""`qd8.save`: a model as the `.tflite` file of what it runs.

The operators are the file's own. What changes are the constants: each is stored in the
type in which its node uses it, which the precision pass says.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from qd8 import tflite

from .build import build
from .graph import Graph, Node
from .model import Model
from .operators import Operator
from .precision import apply_precision

# From which version of an operator on LiteRT takes int8 weights with a scale for each
# channel. Source: tensorflow/lite/tools/versioning/op_version.cc.
INT8_VERSIONS = {"CONV_2D": 5, "FULLY_CONNECTED": 12, "DEPTHWISE_CONV_2D": 6}
FLOAT16_DEQUANTIZE = 3  # the version of DEQUANTIZE that takes float16


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model as a `.tflite` file that LiteRT loads.

    `qd8.load(path, precision=model.precision)` gives the same bits. The file does not
    say its precision, so without ``precision`` a file of "fp16" is loaded as "fp32",
    one of "qd8-f16" as "qd8-f32".

    ===========  =========================================  ==========================
    precision    weights                                    other float constants
    ===========  =========================================  ==========================
    fp32         float32, int8 ones dequantized             float32
    qd8-f32      int8 with their scales where they run so,  float32
                 else float32: also those of
                 DEPTHWISE_CONV_2D, which runs in float
    qd8-f16      the same int8, else float16                float16, biases float32
    fp16         float16                                    float16, biases float32
    ===========  =========================================  ==========================

    float16 constants lie behind DEQUANTIZE, as in the converter's float16 files;
    activations are float32 there. Tables of int8 rows stay as they are. What the file
    computes from constants alone stays computed.

    Parameters
    ----------
    model : Model
        With the extents that its file has, also if it was resized.
    path : path
        Also that of the model's own file: it is replaced when all is written.

    Raises
    ------
    TypeError
        If this is no model.
    OSError
        If the file cannot be written.
    """
    if not isinstance(model, Model):
        raise TypeError(f"a qd8.Model is needed, not {type(model).__name__}")
    tflite.write(stored(model), path)


def stored(model: Model) -> tflite.File:
    """Return the records that `save` writes."""
    file = model._file
    graph, _ = apply_precision(build(file, model.signature), model.precision)
    at = model._subgraph.index
    edit = _Edit(file.subgraphs[at])
    for node in graph.nodes:
        edit.store(graph, node)
    subgraph, places = edit.finish()
    subgraphs = [*file.subgraphs]
    subgraphs[at] = subgraph
    signatures = [
        _moved(signature, places) if signature.subgraph == at else signature
        for signature in file.signatures
    ]
    return replace(file, subgraphs=tuple(subgraphs), signatures=tuple(signatures))


class _Edit:
    """A subgraph whose constants are exchanged one by one."""

    def __init__(self, subgraph: tflite.Subgraph) -> None:
        self.subgraph = subgraph
        self.tensors = [*subgraph.tensors]
        self.operators = [*subgraph.operators]
        self.dequantize: list[tflite.Operator] = []
        self.made: dict[tuple[int, int], int] = {}
        stored = {t.index for t in subgraph.tensors if t.data is not None}
        unpacked = {
            operator.outputs[0]
            for operator in subgraph.operators
            if operator.op == "DEQUANTIZE" and operator.inputs[0] in stored
        }
        self.constants = stored | unpacked

    def store(self, graph: Graph, node: Node) -> None:
        """Exchange the constants that a node uses in another type than the file's."""
        if node.index is None:
            return  # a CAST of the precision pass: the file's activations are float32
        call = self.operators[node.index]
        roles = node.operator.inputs
        # Optional inputs may be missing at the end; a node has them all.
        inputs = [*call.inputs, *(-1 for _ in roles[len(call.inputs) :])]
        places = _places(node.operator, len(inputs))
        for place, index in zip(places, node.inputs, strict=True):
            if index is None or inputs[place] not in self.constants:
                continue
            if graph.tensors[index].dtype.name == self._type(inputs[place]):
                continue
            key = inputs[place], index
            if key not in self.made:
                self.made[key] = self._append(graph, node, index)
            inputs[place] = self.made[key]
        call = replace(call, inputs=tuple(inputs[: len(call.inputs)]))
        self.operators[node.index] = _hybrid(call) if node.quantized else call

    def finish(self) -> tuple[tflite.Subgraph, dict[int, int]]:
        """Return the subgraph without what nothing uses, and the new places."""
        old = self.subgraph
        read = {i for operator in self.operators for i in operator.inputs}
        read |= {*old.outputs}
        operators = [
            operator
            for operator in (*self.dequantize, *self.operators)
            if operator.op != "DEQUANTIZE" or operator.outputs[0] in read
        ]
        used = {i for o in operators for i in (*o.inputs, *o.outputs) if i >= 0}
        used |= {*old.inputs, *old.outputs}
        places = {i: new for new, i in enumerate(sorted(used))} | {-1: -1}

        def moved(indices: Iterable[int]) -> tuple[int, ...]:
            return tuple(places[i] for i in indices)

        subgraph = replace(
            old,
            tensors=tuple(
                replace(self.tensors[i], index=places[i]) for i in sorted(used)
            ),
            operators=tuple(
                replace(o, index=i, inputs=moved(o.inputs), outputs=moved(o.outputs))
                for i, o in enumerate(operators)
            ),
            inputs=moved(old.inputs),
            outputs=moved(old.outputs),
        )
        return subgraph, places

    def _type(self, index: int) -> str:
        """Name the dtype of a constant of the file, as NumPy does."""
        return np.dtype(tflite.DTYPES[self.tensors[index].dtype]).name

    def _append(self, graph: Graph, node: Node, index: int) -> int:
        """Append a constant of the graph; return what the node is to read."""
        tensor = graph.tensors[index]
        data: Any = tensor.data
        quantization = None
        if data.dtype == np.int8:
            scale = tensor.scale
            assert scale is not None
            axis = node.operator.channel_axis(node.options, data.ndim) or 0
            zero_point = np.zeros(scale.size, np.int64)
            quantization = tflite.Quantization(scale, zero_point, axis)
        place = self._tensor(tensor.name, data.shape, data.dtype, data, quantization)
        if data.dtype != np.float16:
            return place
        out = self._tensor(f"{tensor.name} dequantized", data.shape, np.float32)
        self.dequantize.append(
            tflite.Operator(0, "DEQUANTIZE", FLOAT16_DEQUANTIZE, (place,), (out,), {})
        )
        return out

    def _tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: Any,
        data: Any = None,
        quantization: tflite.Quantization | None = None,
    ) -> int:
        index = len(self.tensors)
        kind = np.dtype(dtype).name.upper()
        self.tensors.append(
            tflite.Tensor(index, name, shape, (), kind, quantization, data)
        )
        return index


def _places(operator: Operator, count: int) -> list[int]:
    """Return where a node's inputs are among the ``count`` of its call in the file."""
    last = len(operator.inputs) - 1
    order = operator.order or range(count)
    return [i for i in order if not operator.inputs[min(i, last)].option]


def _hybrid(call: tflite.Operator) -> tflite.Operator:
    """Return a call as LiteRT takes it with int8 weights and float activations."""
    options = {**call.options}
    if "asymmetric_quantize_inputs" in options:
        options["asymmetric_quantize_inputs"] = True
    version = max(call.version, INT8_VERSIONS.get(call.op, 1))
    return replace(call, version=version, options=options)


def _moved(signature: tflite.Signature, places: dict[int, int]) -> tflite.Signature:
    return replace(
        signature,
        inputs={name: places[i] for name, i in signature.inputs.items()},
        outputs={name: places[i] for name, i in signature.outputs.items()},
    )
