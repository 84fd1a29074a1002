"""Which files qd8 does not run, seen before a graph is made of them."""

from qd8 import tflite

from .operators import OPERATORS

# Placing tensors in the arena takes time that grows with the square of this; the
# full Stable Diffusion UNet has 2,741.
MAX_OPERATORS = 10_000
INTEGER_ACTIVATIONS = ("INT8", "UINT8", "INT16")
# Rows of an int8 table stay int8 in some files, with a DEQUANTIZE behind; here the
# table is dequantized as it is read.
TABLES = ("GATHER", "EMBEDDING_LOOKUP")


def refuse_unsupported(file: tflite.File, graph: tflite.Subgraph) -> None:
    """Raise NotImplementedError for a file that qd8 cannot run, and say why."""
    count = len(graph.operators)
    if count > MAX_OPERATORS:
        raise NotImplementedError(
            f"{file.name} has {count} operators; at most {MAX_OPERATORS} are supported"
        )
    _refuse_full_integer(file, graph)
    _refuse_unknown_operators(file, graph)


def integer_activations(graph: tflite.Subgraph) -> tflite.Tensor | None:
    """Return an activation that is quantized in the file, None if there is none."""
    rows = {
        i
        for operator in graph.operators
        if operator.op in TABLES
        and any(graph.tensors[i].data is not None for i in operator.inputs if i >= 0)
        for i in operator.outputs
    }
    for operator in graph.operators:
        for i in (*operator.inputs, *operator.outputs):
            if i < 0 or i in rows:
                continue
            tensor = graph.tensors[i]
            integer = tensor.dtype in INTEGER_ACTIVATIONS
            if integer and tensor.data is None and tensor.quantization is not None:
                return tensor
    return None


def _refuse_full_integer(file: tflite.File, graph: tflite.Subgraph) -> None:
    tensor = integer_activations(graph)
    if tensor is not None:
        raise NotImplementedError(
            f"{file.name} is a full-integer file: {tensor} is computed in "
            f"{tensor.dtype}. Its execution comes later; qd8 runs float and dynamic "
            "range files (`qd8 inspect` shows this one)"
        )


def _refuse_unknown_operators(file: tflite.File, graph: tflite.Subgraph) -> None:
    unknown: dict[str, int] = {}
    for operator in graph.operators:
        if operator.op not in OPERATORS:
            unknown.setdefault(operator.op, operator.index)
    if unknown:
        names = ", ".join(f"{op} (operator {i})" for op, i in unknown.items())
        raise NotImplementedError(
            f"{file.name} needs operators that qd8 does not have: {names}"
        )
