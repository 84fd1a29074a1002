"""Ask the converter itself about R12; run by hand, prints what docs/numerics.md says.

    python reference/tests/check_converter.py ties                 (needs tensorflow)
    python reference/tests/check_converter.py models FLOAT DRQ     (needs tflite)

``ties`` lets TensorFlow convert weights planted near every half step and channels of
zeros; ``models`` compares the int8 constants of a converted file with their float twin.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from qd8_reference import quantize_weights

CHANNELS, DEPTH = 512, 256
CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED = 3, 4, 9


def planted() -> np.ndarray:
    """Return weights (512, 256): half steps, some off by one unit in the last place."""
    rng = np.random.default_rng(5)
    largest = rng.uniform(0.01, 3, CHANNELS)
    largest[:100] = 127 * np.exp2(rng.integers(-18, 3, 100))  # steps are exact
    largest[100:200] = rng.uniform(5e-7, 1e-6, 100)
    largest[200:220] = np.geomspace(1e-20, 4.99e-7, 20)  # below the floor
    largest[220] = 0
    largest = largest.astype(np.float32)[:, None]
    half_steps = np.clip(np.arange(DEPTH) - 127.5, -127, 127)
    weight = (half_steps * (largest.astype(np.float64) / 127)).astype(np.float32)
    towards = rng.choice([-np.inf, np.inf], weight.shape).astype(np.float32)
    nudge = rng.random(weight.shape) < 0.3
    weight = np.where(nudge, np.nextafter(weight, towards), weight)
    weight[:, 0] = -largest[:, 0]
    return np.clip(weight, -largest, largest)


def constants(path: str) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Yield (operator, weights, scales) of the convolutions and layers of a file."""
    import tflite

    model = tflite.Model.GetRootAsModel(Path(path).read_bytes(), 0)
    graph = model.Subgraphs(0)
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind in (CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED):
            tensor = graph.Tensors(operator.Inputs(1))
            dtype = {0: np.float32, 9: np.int8}[tensor.Type()]
            data = model.Buffers(tensor.Buffer()).DataAsNumpy().view(dtype)
            scales = tensor.Quantization().ScaleAsNumpy() if dtype == np.int8 else None
            yield kind, data.reshape(tensor.ShapeAsNumpy()), scales


def converted(function: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the int8 constant of a converted function of one float32 input."""
    import tensorflow as tf
    from tensorflow.lite.python import schema_py_generated as schema

    signature = [tf.TensorSpec(shape, tf.float32)]
    concrete = tf.function(function, input_signature=signature).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], None)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(converter.convert(), 0))
    (tensor,) = [t for t in model.subgraphs[0].tensors if t.type == 9]
    data = np.array(model.buffers[tensor.buffer].data, np.uint8).view(np.int8)
    return data.reshape(tensor.shape), np.array(tensor.quantization.scale, np.float32)


def compare(what: str, weight: np.ndarray, axis: int, answer: Any) -> None:
    """Print how many bytes and scales differ from the converter's."""
    values, scales = answer
    per = "channel" if scales.size == weight.shape[axis] else "tensor"
    got = quantize_weights(weight, axis=axis, per=per)
    print(
        f"{what}: {np.sum(got.values != values)} of {values.size} bytes and "
        f"{np.sum(got.scale.view(np.int32) != scales.view(np.int32))} of "
        f"{scales.size} scales differ"
    )


def check_ties() -> None:
    """Ask for one operator of each kind."""
    import tensorflow as tf

    weight = planted()
    dense = np.ascontiguousarray(weight.T)
    answer = converted(lambda x: tf.matmul(x, tf.constant(dense)), (1, DEPTH))
    compare("MatMul", weight, 0, answer)
    kernel = dense.reshape(4, 4, 16, CHANNELS)
    answer = converted(
        lambda x: tf.nn.conv2d(x, tf.constant(kernel), 1, "SAME"), (1, 8, 8, 16)
    )
    compare("Conv2D", weight.reshape(CHANNELS, 4, 4, 16), 0, answer)
    depthwise = dense.reshape(16, 16, CHANNELS, 1)
    answer = converted(
        lambda x: tf.nn.depthwise_conv2d(
            x, tf.constant(depthwise), [1, 1, 1, 1], "SAME"
        ),
        (1, 17, 17, CHANNELS),
    )
    compare("DepthwiseConv2D", depthwise.reshape(1, 16, 16, CHANNELS), 3, answer)


def check_models(float_path: str, converted_path: str) -> None:
    """Compare every int8 constant of two files of the same operators."""
    pairs = zip(constants(float_path), constants(converted_path), strict=True)
    for i, ((kind, weight, _), (_, values, scales)) in enumerate(pairs):
        if scales is not None:
            axis = 3 if kind == DEPTHWISE_CONV_2D else 0
            compare(f"weights {i}", weight, axis, (values, scales))


if __name__ == "__main__":
    if sys.argv[1:] == ["ties"]:
        check_ties()
    elif len(sys.argv) == 4 and sys.argv[1] == "models":
        check_models(*sys.argv[2:])
    else:
        sys.exit(__doc__)
