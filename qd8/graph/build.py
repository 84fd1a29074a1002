"""A graph from a file: every operator understood, every shape proven.

What is refused here is refused with file, operator and tensor. Afterwards a node's
inputs exist and have been computed before it, its options are the reference's
keywords, and its outputs have the shapes that its inputs imply, so that nothing later
needs to check again. What depends on constants alone has become a constant.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from qd8 import tflite

from .constants import Folded, Stored
from .fold import evaluate, is_foldable
from .graph import Graph, Node, Tensor
from .names import find_signature, public_names, unique_names
from .operators import OPERATORS, Operator
from .operators.operator import STORED, Given, Input
from .support import TABLES, refuse_unsupported
from .weights import check_weight

MAX_RANK = 6  # what the kernels that move elements count through
DTYPES = {name: np.dtype(numpy) for name, numpy in tflite.DTYPES.items()}
BYTES = np.dtype(np.uint8)  # of a type without a NumPy twin
Shape = tuple[int, ...]


def build(
    file: tflite.File,
    signature: str | None = None,
    shapes: Mapping[int, Shape] | None = None,
) -> Graph:
    """Return the graph of a file's main subgraph, or of a signature's.

    Parameters
    ----------
    file : tflite.File
    signature : str, optional
        The key of a signature.
    shapes : {input: shape}, optional
        Shapes of input tensors that replace the file's; every other shape is then
        inferred, and none is compared with what the file says.

    Raises
    ------
    NotImplementedError
        If the file holds an operator or a type that qd8 does not run.
    ValueError
        If the file contradicts itself, or the shapes do not fit.
    """
    said = find_signature(file, signature)
    graph = file.subgraphs[said.subgraph] if said else file.main
    refuse_unsupported(file, graph)
    builder = _Builder(file, graph, dict(shapes or {}))
    for operator in graph.operators:
        builder.add(operator)
    return builder.finish(said)


class _Builder:
    """The graph so far; ``tensors`` hold what has been computed up to here."""

    def __init__(
        self, file: tflite.File, graph: tflite.Subgraph, shapes: dict[int, Shape]
    ) -> None:
        self.file, self.graph, self.shapes = file, graph, shapes
        self.tensors: list[Tensor] = []
        self.nodes: list[Node] = []
        self.known: set[int] = set()
        # TFLite's names of the types as they are here: a table's rows are widened.
        self.dtypes = [tensor.dtype for tensor in graph.tensors]
        # A DEQUANTIZE of rows that are dequantized already: its output is its input.
        self.same: dict[int, int] = {}
        self.names = names = unique_names(graph.tensors)
        made = {i for operator in graph.operators for i in operator.outputs}
        for tensor, name in zip(graph.tensors, names, strict=True):
            dtype = DTYPES.get(tensor.dtype, BYTES)
            data = tensor.data
            if data is not None and data.dtype != dtype:
                data = None  # a type without a NumPy twin: raw bytes
            is_source = tensor.index not in made and tensor.index not in graph.inputs
            if data is None and 0 in tensor.shape and is_source:
                # A constant of no element has no bytes, so it looks like none.
                data = np.empty(tensor.shape, dtype)
            if data is not None:
                self.known.add(tensor.index)
            shape = self.shapes.get(tensor.index, tensor.shape)
            constant = None if data is None else Stored(data)
            self.tensors.append(Tensor(name, shape, dtype, constant))
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
        if tensor.dtype not in STORED:
            raise NotImplementedError(
                f"{place} is {tensor.dtype}; {' or '.join(STORED)} is needed"
            )
        if tensor.data is not None and kind == "input":
            raise ValueError(f"{place} is a constant")
        if 0 in self.tensors[tensor.index].shape:
            raise ValueError(f"{place} is {tensor.shape}, which holds no element")

    def add(self, call: tflite.Operator) -> None:
        """Check one operator and append its node, or fold it."""
        try:
            operator = OPERATORS[call.op]
            if operator.fold is not None and self._is_float(call):
                (i,) = call.inputs
                self.same[call.outputs[0]] = self.same.get(i, i)
                return
            declared = self._declared(call, operator)
            given = self._given(call, declared)
            options = operator.decode(given)
            outputs = self._outputs(call, operator, given, options)
            inputs = [None if i == -1 else i for each, i in declared if not each.option]
            node = Node(call.index, operator, tuple(inputs), call.outputs, options)
            self._check_table(node)
            self._append(node, given, outputs)
        except (ValueError, NotImplementedError) as error:
            raise type(error)(f"{self.file.name}: {call}: {error}") from None

    def _is_float(self, call: tflite.Operator) -> bool:
        """Whether a DEQUANTIZE is given rows that a table's reader dequantized."""
        if len(call.inputs) != 1 or len(call.outputs) != 1 or call.inputs[0] < 0:
            return False
        i = self.same.get(call.inputs[0], call.inputs[0])
        return (
            i in self.known
            and self.graph.tensors[i].dtype == "INT8"
            and self.tensors[i].dtype == np.float32
        )

    def _declared(
        self, call: tflite.Operator, operator: Operator
    ) -> list[tuple[Input, int]]:
        """Pair what inputs must be with those of a call, -1 where absent."""
        wanted = operator.inputs
        found = [self.same.get(i, i) for i in call.inputs]
        if operator.variadic:
            wanted += wanted[-1:] * (len(found) - len(wanted))
        while len(found) < len(wanted) and wanted[len(found)].optional:
            found.append(-1)
        if len(found) != len(wanted):
            names = ", ".join(each.name for each in operator.inputs)
            raise ValueError(f"it has {len(call.inputs)} inputs; needed are {names}")
        pairs = list(zip(wanted, found, strict=True))
        for each, i in pairs:
            self._check_input(each, i, operator, call)
        return [pairs[i] for i in operator.order] if operator.order else pairs

    def _check_input(
        self, wanted: Input, index: int, operator: Operator, call: tflite.Operator
    ) -> None:
        if index == -1:
            if not wanted.optional:
                raise ValueError(f"its input {wanted.name} is absent (-1)")
            return
        said, tensor = self.graph.tensors[index], self.tensors[index]
        if said.is_sparse:
            raise NotImplementedError(f"{_place(wanted, said)}, is sparse")
        if index not in self.known:
            raise ValueError(
                f"{_place(wanted, said)}, is neither a constant nor computed before "
                "it; operators must come in the order in which they run"
            )
        dtype = self.dtypes[index]
        if dtype not in wanted.dtypes:
            raise NotImplementedError(
                f"{_place(wanted, said)}, is {dtype}; {' or '.join(wanted.dtypes)} is "
                "needed"
            )
        if wanted.constant and not tensor.is_constant:
            raise NotImplementedError(f"{_place(wanted, said)}, must be a constant")
        if 0 in tensor.shape and not (wanted.option or tensor.is_constant):
            raise ValueError(
                f"{_place(wanted, said)}, is {tensor.shape}, which holds no element"
            )
        if len(tensor.shape) > MAX_RANK:
            raise NotImplementedError(
                f"{_place(wanted, said)}, is {tensor.shape}; at most {MAX_RANK} axes "
                "are supported"
            )
        quantized = dtype == "INT8" and said.quantization is not None
        if quantized or (dtype == "INT8" and operator.weight_axis is not None):
            axis = operator.channel_axis(call.options, len(tensor.shape))
            axis = 0 if wanted.table else axis
            self.tensors[index] = check_weight(tensor, said, axis)

    def _given(self, call: tflite.Operator, declared: list[tuple[Input, int]]) -> Given:
        constants: dict[str, Any] = {}
        shapes, dtypes = [], []
        for wanted, i in declared:
            tensor = None if i == -1 else self.tensors[i]
            if wanted.option:
                constants[wanted.name] = None if tensor is None else tensor.data
            else:
                shapes.append(None if tensor is None else tensor.shape)
                dtypes.append(None if tensor is None else self.dtypes[i])
        if not call.outputs:
            raise ValueError("it has 0 outputs; one is needed")
        first = self.graph.tensors[call.outputs[0]]
        return Given(
            call.options,
            constants,
            tuple(shapes),
            tuple(dtypes),
            first.shape,
            first.dtype,
            len(call.outputs),
        )

    def _outputs(
        self,
        call: tflite.Operator,
        operator: Operator,
        given: Given,
        options: dict[str, Any],
    ) -> list[Tensor]:
        """Return the outputs as the inputs imply them, checked against the file."""
        found = operator.shape(given, options)
        shapes: list[Shape] = found if operator.several else [found]
        if len(shapes) != len(call.outputs):
            needed = "one is" if len(shapes) == 1 else f"{len(shapes)} are"
            raise ValueError(f"it has {len(call.outputs)} outputs; {needed} needed")
        dtype = operator.dtype(given, options)
        if len(set(call.outputs)) < len(call.outputs):
            raise ValueError(f"its outputs are the tensors {call.outputs}; each once")
        for i, shape in zip(call.outputs, shapes, strict=True):
            self._check_output(i, tuple(shape), dtype, operator)
        return [
            Tensor(self.tensors[i].name, tuple(shape), DTYPES[dtype])
            for i, shape in zip(call.outputs, shapes, strict=True)
        ]

    def _check_output(
        self, index: int, shape: Shape, dtype: str, operator: Operator
    ) -> None:
        tensor = self.graph.tensors[index]
        if index in self.known:
            raise ValueError(f"its output, {tensor}, has a value already")
        rows = operator.name in TABLES and tensor.dtype == "INT8"
        if tensor.dtype != dtype and not rows:
            raise NotImplementedError(
                f"its output, {tensor}, is {tensor.dtype}; {dtype} is needed"
            )
        self.dtypes[index] = dtype
        if shape == tensor.shape or self.shapes:
            return
        # Where the signature says -1 the file's shape is only an example.
        said = tensor.shape
        free = tensor.shape_signature or said
        if len(free) != len(said):
            free = said
        if len(said) != len(shape) or any(
            n != m and open_ != -1
            for n, m, open_ in zip(shape, said, free, strict=True)
        ):
            raise ValueError(
                f"its inputs make an output of {shape}, but {tensor} is {said}"
            )

    def _check_table(self, node: Node) -> None:
        """Refuse an int8 table whose scales are not those of what is read."""
        if node.operator.name not in TABLES:
            return
        for place, i in enumerate(node.inputs):
            scale = None if i is None else self.tensors[i].scale
            if scale is None or not node.role(place).table:
                continue
            if scale.size > 1 and node.options.get("axis", 0) != 0:
                raise ValueError(
                    "its table has a scale for each row; its axis is not 0"
                )

    def _append(self, node: Node, given: Given, outputs: list[Tensor]) -> None:
        """Put the node into the graph, or its value where that is known."""
        tensors = [None if i is None else self.tensors[i] for i in node.inputs]
        present = [tensor for tensor in tensors if tensor is not None]
        operator = node.operator
        values: list[Any] | None = None
        if operator.fold is not None:
            (at,) = node.inputs
            assert at is not None
            source = self.graph.tensors[at]
            values = [Folded(source, operator.fold)]
        elif operator.value is not None:
            dtype = outputs[0].dtype.name
            values = [Stored(operator.value(given, dict(node.options), dtype))]
        elif is_foldable(node, present, outputs):
            values = [Stored(each) for each in evaluate(node, tensors, outputs)]
        elif any(not math.prod(each.shape) for each in outputs):
            shape = next(t.shape for t in outputs if not math.prod(t.shape))
            raise ValueError(f"its output is {shape}, which holds no element")
        for place, i in enumerate(node.outputs):
            tensor = outputs[place]
            if values is not None:
                tensor = Tensor(tensor.name, tensor.shape, tensor.dtype, values[place])
            self.tensors[i] = tensor
        self.known.update(node.outputs)
        if values is None:
            self.nodes.append(node)

    def finish(self, signature: tflite.Signature | None) -> Graph:
        inputs, outputs = public_names(self.graph, signature, self.names)
        outputs = {name: self.same.get(i, i) for name, i in outputs.items()}
        for i in outputs.values():
            if i not in self.known:
                tensor = self.graph.tensors[i]
                raise ValueError(f"{self.file.name}: no operator computes {tensor}")
        return Graph(
            self.file.name, tuple(self.tensors), tuple(self.nodes), inputs, outputs
        )


def _place(wanted: Input, said: tflite.Tensor) -> str:
    """Name an input of an operator, for an error."""
    return f"its input {wanted.name}, {said}"
