"""A float model as a full-integer file: int8 from its input to its output.

As TensorFlow's converter writes it with `representative_dataset` and int8 inputs and
outputs: activations with one scale and zero point a tensor, found on samples
(`calibration.py`); weights symmetric, with a scale for each output channel; biases of
int32 in steps of both scales' product. Operators, their order and options stay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8 import tflite
from qd8.tflite import Operator, Quantization, Subgraph, Tensor

from .affine import QMAX, QMIN, Affine, Range, quantize_bias, quantize_weights
from .calibration import ranges


class Rule(NamedTuple):
    """What an operator asks of its tensors when all of them are integers.

    version : the first that takes int8
    axis : of the output channels of input 1, a weight; input 2 is then a bias
    shares : inputs and outputs have one scale and zero point
    output : the scale and zero point of the output, whatever its range
    """

    version: int
    axis: int | None = None
    shares: bool = False
    output: Affine | None = None


_LOGISTIC = Affine(np.float32(1 / 256), -128)
_TANH = Affine(np.float32(1 / 128), 0)

# Source: tensorflow/lite/tools/optimize/operator_property.cc; in words,
# ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec.
RULES = {
    "ADD": Rule(2),
    "AVERAGE_POOL_2D": Rule(2, shares=True),
    "CONCATENATION": Rule(2, shares=True),
    "CONV_2D": Rule(3, axis=0),
    "DEPTHWISE_CONV_2D": Rule(3, axis=3),
    "FULLY_CONNECTED": Rule(4, axis=0),
    "LOGISTIC": Rule(2, output=_LOGISTIC),
    "MAX_POOL_2D": Rule(2, shares=True),
    "MEAN": Rule(2),
    "MUL": Rule(2),
    "PAD": Rule(2, shares=True),
    "RESHAPE": Rule(1, shares=True),
    "RESIZE_BILINEAR": Rule(2, shares=True),
    "RESIZE_NEAREST_NEIGHBOR": Rule(2, shares=True),
    "SOFTMAX": Rule(2, output=_LOGISTIC),
    "SUB": Rule(2),
    "TANH": Rule(2, output=_TANH),
    "TRANSPOSE": Rule(2, shares=True),
}


def quantize(
    file: tflite.File, samples: Iterable[Mapping[str, npt.NDArray[Any]]]
) -> tflite.File:
    """Return the full-integer file of a float32 file.

    Parameters
    ----------
    file : File
        One subgraph of float32; every layer has constant weights and a bias.
    samples : {name of an input: array}, one for each run
        What the model will be given: values outside their ranges saturate later.

    Raises
    ------
    NotImplementedError
        If an operator has no integer form here, or a constant no place in one.
    ValueError
        If there is no sample, a value is not finite, or a bias leaves int32.
    """
    _refuse(file)
    main = file.main
    edit = _Edit(main, activations(main, ranges(file, samples)))
    operators = tuple(edit.operator(each) for each in main.operators)
    main = replace(main, tensors=tuple(edit.tensors), operators=operators)
    return replace(file, subgraphs=(main,))


def activations(graph: Subgraph, found: Mapping[int, Range]) -> dict[int, Affine]:
    """Return the scale and zero point of each tensor that is computed.

    Tensors that share theirs, through any number of operators, have those of the
    union of their ranges; what an operator of constant scale makes keeps that.
    """
    fixed = {
        i: affine
        for call in graph.operators
        if (affine := RULES[call.op].output) is not None
        for i in call.outputs
    }
    chosen: dict[int, Affine] = {}
    for members in _sharing(graph, found):
        whole = found[members[0]]
        for i in members[1:]:
            whole = whole.union(found[i])
        demanded = {fixed[i] for i in members if i in fixed}
        affine = demanded.pop() if demanded else Affine.of(whole)
        if demanded or not _holds(affine, whole):
            names = ", ".join(str(graph.tensors[i]) for i in members)
            raise NotImplementedError(
                f"{names} must share one scale, but an operator demands another"
            )
        chosen |= dict.fromkeys(members, affine)
    return chosen


def _sharing(graph: Subgraph, found: Iterable[int]) -> list[list[int]]:
    """Return the tensors of ``found`` in groups that have one scale each."""
    first = {i: i for i in found}

    def root(i: int) -> int:
        while first[i] != i:
            i = first[i]
        return i

    for call in graph.operators:
        if RULES[call.op].shares:
            one, *others = (i for i in (*call.outputs, *call.inputs) if i in first)
            for other in others:
                first[root(other)] = root(one)
    groups: dict[int, list[int]] = {}
    for i in first:
        groups.setdefault(root(i), []).append(i)
    return [*groups.values()]


def _holds(affine: Affine, found: Range) -> bool:
    """Whether a range lies within what int8 can say, but for a step of rounding."""
    lowest, highest = affine.dequantize(np.array([QMIN, QMAX], np.int8))
    return bool(lowest - affine.scale <= found.lo <= found.hi <= highest + affine.scale)


class _Edit:
    """Tensors that become integers, operator by operator."""

    def __init__(self, graph: Subgraph, chosen: Mapping[int, Affine]) -> None:
        self.tensors = [
            _activation(each, chosen[each.index]) if each.index in chosen else each
            for each in graph.tensors
        ]
        self.floats = graph.tensors
        self.chosen = chosen

    def operator(self, call: Operator) -> Operator:
        """Return a call as it is with integers, its constants exchanged."""
        rule = RULES[call.op]
        options = dict(call.options)
        version = max(rule.version, call.version)
        if options.get("keep_num_dims"):
            version = max(version, 5)  # Source: versioning/op_version.cc
        if "asymmetric_quantize_inputs" in options:
            options["asymmetric_quantize_inputs"] = False  # that is dynamic range
        inputs = call.inputs
        if rule.axis is not None:
            inputs = self._layer(call, self.chosen[inputs[0]].scale, rule.axis)
        return replace(call, version=version, inputs=inputs, options=options)

    def _layer(
        self, call: Operator, x_scale: np.float32, axis: int
    ) -> tuple[int, int, int]:
        x, weight, bias = call.inputs
        values, scale = quantize_weights(self._data(weight), axis)
        steps = scale * x_scale
        try:
            sums = quantize_bias(self._data(bias), steps)
        except ValueError as error:
            raise ValueError(f"{call}: {error}") from None
        return (
            x,
            self._put(weight, "INT8", values, scale, axis),
            self._put(bias, "INT32", sums, steps, 0),
        )

    def _data(self, index: int) -> npt.NDArray[np.float32]:
        data = self.floats[index].data
        assert data is not None
        return data

    def _put(
        self,
        index: int,
        dtype: str,
        data: npt.NDArray[Any],
        scale: npt.NDArray[np.float32],
        axis: int,
    ) -> int:
        """Exchange a constant; one that another layer has exchanged gets a copy."""
        old = self.floats[index]
        place = index if self.tensors[index] is old else len(self.tensors)
        zero_point = np.zeros(scale.size, np.int64)
        new = replace(
            old,
            index=place,
            dtype=dtype,
            quantization=Quantization(scale, zero_point, axis),
            data=data,
        )
        self.tensors[place : place + 1] = [new]
        return place


def _activation(tensor: Tensor, affine: Affine) -> Tensor:
    scale = np.array([affine.scale], np.float32)
    zero_point = np.array([affine.zero_point], np.int64)
    return replace(
        tensor, dtype="INT8", quantization=Quantization(scale, zero_point, 0)
    )


def _refuse(file: tflite.File) -> None:
    """Refuse what has no integer form here, naming it."""
    if len(file.subgraphs) != 1:
        raise NotImplementedError(f"{file.name} has {len(file.subgraphs)} subgraphs")
    tensors = file.main.tensors
    for call in file.main.operators:
        if call.op not in RULES:
            raise NotImplementedError(f"{call} has no integer form here")
        layer = RULES[call.op].axis is not None
        if layer and (len(call.inputs) != 3 or -1 in call.inputs):
            raise NotImplementedError(f"{call} has no bias")
        for place, i in enumerate(call.inputs):
            tensor = tensors[i]
            constant = layer and place > 0
            if tensor.dtype != "FLOAT32" and (constant or tensor.data is None):
                raise NotImplementedError(
                    f"{call}: {tensor} is {tensor.dtype}, not FLOAT32"
                )
            if tensor.dtype == "FLOAT32" and (tensor.data is not None) != constant:
                what = "is computed" if constant else "is a constant"
                raise NotImplementedError(f"{call}: {tensor} {what}")
