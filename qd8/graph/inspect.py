"""What a file or a model consists of: a row for each operator.

Works on every readable file, also on those that qd8 does not run.
"""

import math
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qd8 import tflite

from .graph import Graph, Tensor
from .model import Model
from .operators import OPERATORS
from .passes import PASSES
from .precision import Decision, decide, file_precision, weights_of
from .support import integer_activations
from .table import Table, shape_text


def _shapes_text(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(map(shape_text, shapes))


@dataclass(frozen=True, slots=True)
class InspectRow:
    """One operator.

    inputs : shapes of the inputs that are computed while the model runs
    weight : "int8 96x3x3x24", as the file (or a model's pass) holds it
    quantized : runs dynamically quantized; ``reason`` says why, or why not
    bytes : of its constants
    """

    index: int | None
    op: str
    name: str = field(metadata={"format": lambda s: s.split(";")[-1][-40:]})
    inputs: tuple[tuple[int, ...], ...] = field(metadata={"format": _shapes_text})
    output: tuple[int, ...] = field(metadata={"format": shape_text})
    macs: int = field(metadata={"title": "MACs"})
    weight: str
    quantized: bool
    reason: str
    bytes: int


def inspect(
    model_or_path: "Model | tflite.File | str | os.PathLike[str] | bytes",
) -> Table[InspectRow]:
    """Return a row for each operator of a model or a file.

    For a file, ``quantized`` says what ``load(path)`` would do.

    Raises
    ------
    ValueError
        If the file is damaged or is none.
    """
    if isinstance(model_or_path, Model):
        model = model_or_path
        return _table(_rows_of_graph(model.graph), model.name, model.precision)
    file = model_or_path
    if not isinstance(file, tflite.File):
        file = tflite.read(file)
    if integer_activations(file.main) is not None:
        return _table(_rows_of_file(file, "int8"), file.name, "full integer")
    weights = weights_of(file.main.operators, file.main.tensors, OPERATORS)
    precision = file_precision(weights)
    return _table(_rows_of_file(file, precision), file.name, precision)


@dataclass(frozen=True, slots=True)
class PassRow:
    """What one pass does to a model, if those above it have run.

    before, after : nodes of the graph
    made : how many of the nodes after it are new, each of them for several
    """

    name: str = field(metadata={"title": "pass"})
    summary: str
    before: int
    after: int
    made: int


def inspect_passes(model: Model) -> Table[PassRow]:
    """Return a row for each pass over the graph that a model was loaded with."""
    graph, rows = model.graph, []
    for each in PASSES:
        if each.name in model.passes:
            after = each.apply(graph)
            made = len(set(after.nodes) - set(graph.nodes))
            counts = len(graph.nodes), len(after.nodes), made
            rows.append(PassRow(each.name, each.summary, *counts))
            graph = after
    note = f"{len(model.graph.nodes)} nodes before the passes, {len(graph.nodes)} after"
    return Table(rows, f"{model.name}, {model.precision}", note)


def _table(rows: list[InspectRow], name: str, precision: str) -> Table[InspectRow]:
    kinds: dict[str, int] = {}
    for row in rows:
        kinds[row.op] = kinds.get(row.op, 0) + 1
    ranked = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    counts = ", ".join(f"{op} {n}" for op, n in ranked)
    total = sum(row.macs for row in rows)
    quantized = sum(row.macs for row in rows if row.quantized)
    note = (
        f"{len(rows)} operators: {counts}\n"
        f"{total:,} MACs, {100 * quantized / max(total, 1):.1f} % of them dynamically "
        f"quantized; {sum(row.bytes for row in rows):,} bytes of constants"
    )
    return Table(rows, f"{name}, {precision}", note)


def _rows_of_graph(graph: Graph) -> list[InspectRow]:
    rows = []
    for node in graph.nodes:
        output = graph.tensors[node.outputs[0]]
        tensors = [graph.tensors[i] for i in node.inputs if i is not None]
        weight = graph.weight(node)
        rows.append(
            InspectRow(
                index=node.index,
                op=node.operator.name,
                name=output.name,
                inputs=tuple(t.shape for t in tensors if not t.is_constant),
                output=output.shape,
                macs=graph.macs(node),
                weight=f"{weight.dtype} {shape_text(weight.shape)}" if weight else "",
                quantized=node.quantized,
                reason=node.reason,
                bytes=sum(_bytes(t) for t in tensors if t.is_constant),
            )
        )
    return rows


def _rows_of_file(file: tflite.File, precision: str) -> list[InspectRow]:
    graph = file.main
    weights = weights_of(graph.operators, graph.tensors, OPERATORS)
    float_file = file_precision(weights) == "fp32"
    folded: set[int] = set()  # computed at load, from constants or shapes
    rows = []
    for call in graph.operators:
        operator = OPERATORS.get(call.op)
        tensors = [None if i == -1 else graph.tensors[i] for i in call.inputs]
        output = graph.tensors[call.outputs[0]] if call.outputs else None
        has_weight = operator is not None and operator.weight_axis is not None
        weight = tensors[1] if has_weight and len(tensors) > 1 else None
        if weight is not None and weight.data is None:
            weight = None  # computed: the second operand of BATCH_MATMUL
        dtype = weight and np.dtype(tflite.DTYPES.get(weight.dtype, "u1"))
        elements = int(np.prod(weight.shape, dtype=object)) if weight else 0
        decision = decide(operator, dtype, elements, precision, float_file)
        if precision == "int8":
            reason = "full-integer activations: their execution comes later"
            decision = Decision(False, reason)
        present = [t for t in tensors if t is not None]
        computed = [t for t in present if t.data is None and t.index not in folded]
        shape_alone = operator is not None and operator.value is not None
        if operator is not None and (shape_alone or not (computed or has_weight)):
            folded.update(call.outputs)
        rows.append(
            InspectRow(
                index=call.index,
                op=call.op,
                name=output.name if output else "",
                inputs=tuple(t.shape for t in computed),
                output=output.shape if output else (),
                macs=_macs(operator, tensors, output),
                weight=_weight_text(weight),
                quantized=decision.quantized,
                reason=decision.reason,
                bytes=sum(t.data.nbytes for t in present if t.data is not None),
            )
        )
    return rows


def _bytes(tensor: Tensor) -> int:
    """Return the size of a constant as it is used."""
    return math.prod(tensor.shape) * tensor.dtype.itemsize


def _macs(operator: Any, tensors: list[Any], output: Any) -> int:
    """Count MACs from the shapes that a file states, 0 where they make no sense."""
    if operator is None or output is None:
        return 0
    try:
        shapes = [None if t is None else t.shape for t in tensors]
        if operator.order:
            shapes += [None] * (len(operator.inputs) - len(shapes))
            shapes = [shapes[i] for i in operator.order]
        return int(operator.macs(shapes, output.shape))
    except (IndexError, TypeError):
        return 0


def _weight_text(weight: Any) -> str:
    return f"{weight.dtype.lower()} {shape_text(weight.shape)}" if weight else ""
