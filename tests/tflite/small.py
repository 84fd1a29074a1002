"""Small files that between them hold every operator and every way to store."""

import numpy as np
import numpy.typing as npt

from .write import Op, T, write

STRIDE_1 = {"StrideH": 1, "StrideW": 1}
STRIDE_2 = {"StrideH": 2, "StrideW": 2}
SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3


def normal(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Draw standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def int8(*shape: int, seed: int = 0) -> npt.NDArray[np.int8]:
    """Draw weights from the whole of what the converter writes."""
    found = np.random.default_rng(seed).integers(-127, 128, shape)
    return found.astype(np.int8)


def scales(n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Draw one scale for each channel."""
    found = np.random.default_rng(seed).uniform(0.001, 0.01, n)
    return found.astype(np.float32)


def every_operator() -> bytes:
    """A net of one branch after the other, int8 weights where there may be some."""
    tensors = [
        T((1, 8, 8, 4)),
        T((8, 3, 3, 2), "INT8", int8(8, 3, 3, 2), scales(8)),  # two groups
        T((8,), data=normal(8)),
        T((1, 8, 8, 8)),  # 3
        T((1, 3, 3, 8), "INT8", int8(1, 3, 3, 8), scales(8), axis=3),
        T((8,), data=normal(8)),
        T((1, 4, 4, 8)),  # 6
        T((1, 4, 4, 8)),
        T((1, 4, 4, 8)),  # 8
        T((8,), data=normal(8)),
        T((1, 4, 4, 8)),  # 10
        T((1, 4, 4, 8)),
        T((1, 4, 4, 1), data=normal(1, 4, 4, 1)),
        T((1, 4, 4, 8)),  # 13
        T((1, 4, 4, 8)),
        T((1, 4, 4, 16)),  # 15
        T((4, 2), "INT32", np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32)),
        T((1, 5, 6, 16)),  # 17
        T((), data=np.float32(0.5)),
        T((1, 5, 6, 16)),
        T((16, 1, 1, 16), data=normal(16, 1, 1, 16)),  # 20
        T((1, 5, 6, 16)),
        T((2,), "INT32", np.array([1, -2], np.int32)),
        T((1, 1, 1, 16)),  # 23
        T((2,), "INT32", np.array([-1, 16], np.int32)),
        T((1, 16)),  # 25
        T((10, 16), "INT8", int8(10, 16), [0.01]),
        T((1, 10)),  # 27
        T((1, 10)),
        T((1, 10)),
        T((16,), data=normal(16)),  # 30
    ]
    pool = {"FilterHeight": 3, "FilterWidth": 3, "Padding": SAME} | STRIDE_1
    dilation = {"DilationHFactor": 1, "DilationWFactor": 1}
    depthwise = {"Padding": SAME, "DepthMultiplier": 1} | STRIDE_2 | dilation
    conv = {"Padding": SAME} | STRIDE_1 | dilation
    calls = [
        Op("CONV_2D", [0, 1, 2], [3], conv | {"FusedActivationFunction": RELU}),
        Op("DEPTHWISE_CONV_2D", [3, 4, 5], [6], depthwise),
        Op("MAX_POOL_2D", [6], [7], pool),
        Op("AVERAGE_POOL_2D", [6], [8], pool),
        Op("ADD", [7, 9], [10], {"FusedActivationFunction": RELU_N1_TO_1}),
        Op("SUB", [10, 8], [11]),
        Op("MUL", [11, 12], [13]),
        Op("RELU6", [13], [14]),
        Op("CONCATENATION", [14, 8], [15], {"Axis": -1}),
        Op("PAD", [15, 16], [17]),
        Op("MUL", [17, 18], [19]),
        Op("CONV_2D", [19, 20, 30], [21], conv),
        Op("MEAN", [21, 22], [23], {"KeepDims": True}),
        Op("RESHAPE", [23, 24], [25], {"NewShape": [-1, 16]}),
        Op("FULLY_CONNECTED", [25, 26], [27]),
        Op("LOGISTIC", [27], [28]),
        Op("SOFTMAX", [28], [29], {"Beta": 1.5}),
    ]
    return write(tensors, calls, [0], [29], ({"image": 0}, {"odds": 29}))


def two_edges() -> bytes:
    """Two inputs, two outputs, float16 and int8 constants behind DEQUANTIZE.

    Some bytes lie behind the flatbuffer, as in files beyond 2 GB.
    """
    tensors = [
        T((2, 3, 32), name="left"),
        T((1, 32), name="right"),
        T((2, 3, 32)),
        T((32, 32), "FLOAT16", normal(32, 32).astype(np.float16)),
        T((32, 32)),
        T((2, 3, 32), name="first"),
        T((8, 32), "INT8", int8(8, 32), [0.02], [3], outside=True),
        T((8, 32)),
        T((8,), data=normal(8), outside=True),
        T((6, 8), name="second"),
    ]
    calls = [
        Op("ADD", [0, 1], [2]),
        Op("DEQUANTIZE", [3], [4]),
        Op("FULLY_CONNECTED", [2, 4, -1], [5], {"KeepNumDims": True}),
        Op("DEQUANTIZE", [6], [7]),
        Op("FULLY_CONNECTED", [2, 7, 8], [9], {"FusedActivationFunction": RELU6}),
    ]
    return write(tensors, calls, [0, 1], [5, 9])


def valid_and_dilated() -> bytes:
    """VALID windows, dilation, a depthwise multiplier, PADV2, RELU."""
    tensors = [
        T((1, 9, 9, 3)),
        T((4, 3, 3, 3), data=normal(4, 3, 3, 3)),
        T((4,), data=normal(4)),
        T((1, 5, 5, 4)),  # 3
        T((1, 2, 2, 8), data=normal(1, 2, 2, 8)),
        T((8,), data=normal(8)),
        T((1, 4, 4, 8)),  # 6
        T((1, 2, 2, 8)),
        T((4, 2), "INT32", np.ones((4, 2), np.int32)),
        T((1,), data=normal(1)),
        T((3, 4, 4, 10)),  # 10
        T((3, 4, 4, 10)),
    ]
    conv = {"Padding": VALID, "DilationHFactor": 2, "DilationWFactor": 2} | STRIDE_1
    depthwise = {"Padding": VALID, "DepthMultiplier": 2} | STRIDE_1
    pool = {"FilterHeight": 2, "FilterWidth": 2, "Padding": VALID} | STRIDE_2
    calls = [
        Op("CONV_2D", [0, 1, 2], [3], conv),
        Op("DEPTHWISE_CONV_2D", [3, 4, 5], [6], depthwise),
        Op("MAX_POOL_2D", [6], [7], pool),
        Op("PADV2", [7, 8, 9], [10]),
        Op("RELU", [10], [11]),
    ]
    return write(tensors, calls, [0], [11])


FILES = {
    "every_operator": every_operator,
    "two_edges": two_edges,
    "valid_and_dilated": valid_and_dilated,
}
