"""A graph from a file: every operator understood, every shape proven.

What is refused here is refused with file, operator and tensor. Afterwards a node's
inputs exist and have been computed before it, its options are the reference's
keywords, and its output has the shape that its inputs imply, so that nothing later
needs to check again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qd8 import tflite

from .graph import Graph, Node, Tensor
from .operators import OPERATORS, Operator
from .operators.operator import Given, Input
from .weights import check_weight

MAX_RANK = 6  # what the kernels that move elements count through
# Placing tensors in the arena takes time that grows with the square of this; the
# full Stable Diffusion UNet has 2,500.
MAX_OPERATORS = 10_000
INTEGER_ACTIVATIONS = ("INT8", "UINT8", "INT16")


def build(file: tflite.File) -> Graph:
    """Return the graph of a file's main subgraph.

    Raises
    ------
    NotImplementedError
        If the file holds an operator or a type that qd8 does not run.
    ValueError
        If the file contradicts itself.
    """
    count = len(file.main.operators)
    if count > MAX_OPERATORS:
        raise NotImplementedError(
            f"{file.name} has {count} operators; at most {MAX_OPERATORS} are supported"
        )
    _refuse_full_integer(file)
    _refuse_unknown_operators(file)
    builder = _Builder(file)
    for operator in file.main.operators:
        builder.add(operator)
    return builder.finish()


def integer_activations(file: tflite.File) -> tflite.Tensor | None:
    """Return an activation that is quantized in the file, None if there is none."""
    graph = file.main
    for operator in graph.operators:
        for i in (*operator.inputs, *operator.outputs):
            tensor = graph.tensors[i]
            if i >= 0 and tensor.data is None and tensor.dtype in INTEGER_ACTIVATIONS:
                return tensor
    return None


def public_names(file: tflite.File) -> tuple[dict[str, int], dict[str, int]]:
    """Return the names of the inputs and outputs: the signature's if it has them."""
    graph = file.main
    names = _unique_names(graph.tensors)
    inputs = {names[i]: i for i in graph.inputs}
    outputs = {names[i]: i for i in graph.outputs}
    for signature in file.signatures:
        if signature.subgraph == 0:
            inputs = _renamed(inputs, signature.inputs, names)
            outputs = _renamed(outputs, signature.outputs, names)
            break
    return inputs, outputs


@dataclass
class _Builder:
    """The graph so far; ``tensors`` hold what has been computed up to here."""

    file: tflite.File
    tensors: list[Tensor] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    known: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        graph = self.file.main
        names = _unique_names(graph.tensors)
        for tensor, name in zip(graph.tensors, names, strict=True):
            dtype = np.dtype(tflite.DTYPES.get(tensor.dtype, "u1"))
            data = tensor.data
            if data is not None and data.dtype != dtype:
                data = None  # a type without a NumPy twin: raw bytes
            if data is not None:
                self.known.add(tensor.index)
            self.tensors.append(Tensor(name, tensor.shape, dtype, data))
        for kind, indices in (("input", graph.inputs), ("output", graph.outputs)):
            if len(set(indices)) != len(indices) or not indices:
                raise ValueError(
                    f"{self.file.name}: its {kind}s are the tensors {indices}; "
                    "one or more, each once, are needed"
                )
            for i in indices:
                self._check_edge(kind, graph.tensors[i])
        self.known.update(graph.inputs)

    def _check_edge(self, kind: str, tensor: tflite.Tensor) -> None:
        """Refuse an input or output that qd8 could not be given or give."""
        place = f"{self.file.name}: {kind} {tensor}"
        if tensor.dtype != "FLOAT32":
            raise NotImplementedError(f"{place} is {tensor.dtype}; FLOAT32 is needed")
        if tensor.data is not None:
            raise ValueError(f"{place} is a constant")
        if 0 in tensor.shape:
            raise ValueError(f"{place} is {tensor.shape}, which holds no element")

    def add(self, call: tflite.Operator) -> None:
        """Check one operator and append its node."""
        place = f"{self.file.name}: {call}"
        try:
            operator = OPERATORS[call.op]
            declared = self._declared(call, operator)
            given = self._given(call, declared)
            options = operator.decode(given)
            shape = operator.shape(given, options)
            output = self._output(call, shape)
            self._append(call, operator, declared, options, output)
        except (ValueError, NotImplementedError) as error:
            raise type(error)(f"{place}: {error}") from None

    def _declared(
        self, call: tflite.Operator, operator: Operator
    ) -> list[tuple[Input, int]]:
        """Pair the inputs of a call, -1 where absent, with what they must be."""
        wanted, found = list(operator.inputs), list(call.inputs)
        if operator.variadic:
            wanted += [wanted[-1]] * (len(found) - len(wanted))
        while len(found) < len(wanted) and wanted[len(found)].optional:
            found.append(-1)
        if len(found) != len(wanted):
            names = ", ".join(each.name for each in operator.inputs)
            raise ValueError(f"it has {len(call.inputs)} inputs; needed are {names}")
        for each, i in zip(wanted, found, strict=True):
            self._check_input(each, i, operator)
        return list(zip(wanted, found, strict=True))

    def _check_input(self, wanted: Input, index: int, operator: Operator) -> None:
        if index == -1:
            if not wanted.optional:
                raise ValueError(f"its input {wanted.name} is absent (-1)")
            return
        tensor = self.file.main.tensors[index]
        place = f"its input {wanted.name}, {tensor}"
        if tensor.is_sparse:
            raise NotImplementedError(f"{place}, is sparse")
        if index not in self.known:
            raise ValueError(
                f"{place}, is neither a constant nor computed before it; operators "
                "must come in the order in which they run"
            )
        folded = self.tensors[index].data is not None and tensor.data is None
        dtype = "FLOAT32" if folded else tensor.dtype
        if dtype not in wanted.dtypes:
            raise NotImplementedError(
                f"{place}, is {dtype}; {' or '.join(wanted.dtypes)} is needed"
            )
        if wanted.constant and self.tensors[index].data is None:
            raise NotImplementedError(f"{place}, must be a constant")
        if 0 in tensor.shape and not wanted.option:
            raise ValueError(f"{place}, is {tensor.shape}, which holds no element")
        if len(tensor.shape) > MAX_RANK:
            raise NotImplementedError(
                f"{place}, is {tensor.shape}; at most {MAX_RANK} axes are supported"
            )
        if dtype == "INT8" and self.tensors[index].scale is None:
            axis = operator.weight_axis
            self.tensors[index] = check_weight(self.tensors[index], tensor, axis)

    def _given(self, call: tflite.Operator, declared: list[tuple[Input, int]]) -> Given:
        constants: dict[str, Any] = {}
        shapes = []
        for wanted, i in declared:
            tensor = None if i == -1 else self.tensors[i]
            if wanted.option:
                constants[wanted.name] = None if tensor is None else tensor.data
            else:
                shapes.append(None if tensor is None else tensor.shape)
        if len(call.outputs) != 1:
            raise ValueError(f"it has {len(call.outputs)} outputs; one is needed")
        output = self.tensors[call.outputs[0]].shape
        return Given(call.options, constants, tuple(shapes), output)

    def _output(self, call: tflite.Operator, shape: tuple[int, ...]) -> int:
        """Check the output against the shape that the inputs imply."""
        index = call.outputs[0]
        tensor = self.file.main.tensors[index]
        if index in self.known:
            raise ValueError(f"its output, {tensor}, has a value already")
        if tensor.dtype != "FLOAT32":
            raise NotImplementedError(
                f"its output, {tensor}, is {tensor.dtype}; FLOAT32 is needed"
            )
        if tensor.shape != shape:
            raise ValueError(
                f"its inputs make an output of {shape}, but {tensor} is {tensor.shape}"
            )
        if not math.prod(shape):
            raise ValueError(f"its output is {shape}, which holds no element")
        return index

    def _append(
        self,
        call: tflite.Operator,
        operator: Operator,
        declared: list[tuple[Input, int]],
        options: Mapping[str, Any],
        output: int,
    ) -> None:
        inputs = tuple(
            None if i == -1 else i for wanted, i in declared if not wanted.option
        )
        self.known.add(output)
        if operator.fold is None:
            node = Node(call.index, operator, inputs, (output,), options)
            self.nodes.append(node)
            return
        # A constant that was stored narrower: from here on it is a float constant.
        source = self.file.main.tensors[declared[0][1]]
        quantization = source.quantization if source.dtype == "INT8" else None
        scale = quantization and quantization.scale
        zero_point = quantization and quantization.zero_point
        axis = quantization.axis if quantization else 0
        data = operator.fold(source.data, scale, zero_point, axis)
        name = self.tensors[output].name
        self.tensors[output] = Tensor(name, data.shape, data.dtype, data)

    def finish(self) -> Graph:
        inputs, outputs = public_names(self.file)
        for i in outputs.values():
            if i not in self.known:
                tensor = self.file.main.tensors[i]
                raise ValueError(f"{self.file.name}: no operator computes {tensor}")
            if self.tensors[i].data is not None:
                tensor = self.file.main.tensors[i]
                raise ValueError(f"{self.file.name}: output {tensor} is a constant")
        return Graph(
            self.file.name, tuple(self.tensors), tuple(self.nodes), inputs, outputs
        )


def _refuse_full_integer(file: tflite.File) -> None:
    tensor = integer_activations(file)
    if tensor is not None:
        raise NotImplementedError(
            f"{file.name} is a full-integer file: {tensor} is computed in "
            f"{tensor.dtype}. Its execution comes later; qd8 runs float and dynamic "
            "range files (`qd8 inspect` shows this one)"
        )


def _refuse_unknown_operators(file: tflite.File) -> None:
    unknown: dict[str, int] = {}
    for operator in file.main.operators:
        if operator.op not in OPERATORS:
            unknown.setdefault(operator.op, operator.index)
    if unknown:
        names = ", ".join(f"{op} (operator {i})" for op, i in unknown.items())
        raise NotImplementedError(
            f"{file.name} needs operators that qd8 does not have: {names}"
        )


def _unique_names(tensors: tuple[tflite.Tensor, ...]) -> list[str]:
    """Name each tensor; one whose name is empty or taken gets its index behind it."""
    taken: set[str] = set()
    names = []
    for tensor in tensors:
        name = tensor.name
        while not name or name in taken:
            name = f"{name}#{tensor.index}"
        taken.add(name)
        names.append(name)
    return names


def _renamed(
    edges: dict[str, int], signature: Mapping[str, int], names: list[str]
) -> dict[str, int]:
    """Give edges their names in a signature, unless another tensor is called so."""
    public = {tensor: name for name, tensor in signature.items()}
    if len(public) != len(signature) or not set(edges.values()) <= set(public):
        return edges
    taken = {name for i, name in enumerate(names) if i not in public}
    if taken & set(signature) or "" in signature:
        return edges
    return {public[i]: i for i in edges.values()}
