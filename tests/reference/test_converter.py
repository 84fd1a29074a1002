"""R12 against the converter itself: the int8 constants of the digits classifier.

TensorFlow wrote both files of qd8/data/digits from one model, so the float32 constant
of an operator is what the int8 constant of its twin was made from. The larger check,
on models that do not ship, is reference/tests/check_converter.py.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import qd8_reference
import tflite

import qd8
from tests.checks import assert_same_bits

DIGITS = Path(qd8.__file__).parent / "data" / "digits"
DTYPES = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.INT8: np.int8}
# Where output channels lie: (1, KH, KW, C) for depthwise, the first axis otherwise.
DEPTHWISE = tflite.BuiltinOperator.DEPTHWISE_CONV_2D


def weights(name: str) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield (builtin code, constant, scales) of the second input of every operator."""
    model = tflite.Model.GetRootAsModel((DIGITS / name).read_bytes(), 0)
    graph = model.Subgraphs(0)
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        if operator.InputsLength() < 2:
            continue
        tensor = graph.Tensors(operator.Inputs(1))
        raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(raw, int) or tensor.Type() not in DTYPES:
            continue
        values = raw.tobytes()
        constant = np.frombuffer(values, DTYPES[tensor.Type()])
        quantization = tensor.Quantization()
        scales = quantization.ScaleAsNumpy() if quantization else 0
        scales = np.zeros(0, np.float32) if isinstance(scales, int) else scales
        yield code, constant.reshape(tensor.ShapeAsNumpy()), scales


@pytest.mark.parametrize("module", [qd8, qd8_reference], ids=lambda m: m.__name__)
def test_r12_is_what_the_converter_writes(module) -> None:
    """Every int8 constant and every scale, from the float twin, bit for bit."""
    quantized = list(weights("digits_drq.tflite"))
    floats = list(weights("digits_fp32.tflite"))
    assert len(quantized) == len(floats)
    compared = 0
    for (code, values, scales), (twin_code, twin, _) in zip(
        quantized, floats, strict=True
    ):
        assert (code, values.shape) == (twin_code, twin.shape)
        if values.dtype != np.int8:
            continue
        per = "tensor" if scales.size == 1 else "channel"
        axis = 3 if code == DEPTHWISE else 0
        expected = module.QuantizedWeights(values, scales)
        actual = module.quantize_weights(twin, axis=axis, per=per)
        assert_same_bits(expected.values, actual.values)
        assert_same_bits(expected.scale, actual.scale)
        compared += 1
    assert compared >= 20
