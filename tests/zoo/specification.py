"""TFLite's specification of full-integer files, as a check that names what breaks it.

Source: ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec.
"""

import numpy as np

from qd8.tflite import File

SHARING = {
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "MAX_POOL_2D",
    "PAD",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "TRANSPOSE",
}
FIXED = {"LOGISTIC": (1 / 256, -128), "SOFTMAX": (1 / 256, -128), "TANH": (1 / 128, 0)}
CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}


def violations(file: File) -> list[str]:
    """Return what in a file breaks the specification, a line each."""
    found: list[str] = []
    tensors = file.main.tensors

    def expect(true: bool, place: object, what: str) -> None:
        if not true:
            found.append(f"{place}: {what}")

    def of(i: int) -> tuple[float, int]:
        said = tensors[i].quantization
        if said is None:
            return 0.0, 0
        return float(said.scale[0]), int(said.zero_point[0])

    for tensor in tensors:
        said = tensor.quantization
        if tensor.data is None:
            one = said is not None and said.scale.size == 1
            expect(tensor.dtype == "INT8" and one, tensor, "int8 with one scale")
            expect(-128 <= of(tensor.index)[1] <= 127, tensor, "0.0 is a step")
        expect(tensor.dtype != "FLOAT32", tensor, "float32")
    for call in file.main.operators:
        computed = [i for i in call.inputs if tensors[i].data is None]
        if call.op in SHARING:
            shared = {of(i) for i in (*computed, *call.outputs)}
            expect(len(shared) == 1, call, "one scale for all")
        if call.op in FIXED:
            expect(of(call.outputs[0]) == FIXED[call.op], call, "its constant scale")
        if call.op not in CHANNELS:
            continue
        weight, bias = (tensors[i] for i in call.inputs[1:])
        assert weight.data is not None
        if weight.quantization is None or bias.quantization is None:
            expect(False, call, "quantized constants")
            continue
        axis = CHANNELS[call.op]
        scale = weight.quantization.scale
        expect(weight.dtype == "INT8", call, "int8 weights")
        expect(weight.data.min() >= -127, call, "weights within -127 and 127")
        expect(not weight.quantization.zero_point.any(), call, "symmetric weights")
        expect(weight.quantization.axis == axis, call, "the axis of channels")
        expect(scale.size == weight.shape[axis], call, "a scale for each channel")
        expect(bias.dtype == "INT32", call, "int32 biases")
        expect(not bias.quantization.zero_point.any(), call, "symmetric biases")
        steps = np.float32(of(call.inputs[0])[0]) * scale
        product = np.array_equal(bias.quantization.scale, steps)
        expect(product, call, "biases in steps of both scales' product")
    return found
