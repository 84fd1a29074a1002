"""Zeros before a quantized convolution become its padding, and only there."""

import numpy as np
import pytest

import qd8
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_nothing_lost, computed_when_fused
from tests.tflite.net import Net
from tests.tflite.small import int8, normal, scales
from tests.tflite.write import T

C, O = 5, 7
ZEROS = ((0, 0), (1, 2), (0, 1), (0, 0))


def net(
    kernel=(3, 3), *, stride=1, paddings=ZEROS, same=False, also=False, floats=False
):
    """Build PAD, then a convolution of what it makes."""
    built = Net()
    H, W = 9, 8
    x = built.input(2, H, W, C)
    sides = np.array(paddings)
    padded = tuple(int(n) for n in np.array([2, H, W, C]) + sides.sum(1))
    pad = built.add("PAD", [x, sides], padded)
    channels = padded[3]
    if floats:
        weight = built.constant(np.ones((O, *kernel, channels), np.float32))
    else:
        data = int8(O, *kernel, channels)
        weight = built.tensor(T(data.shape, "INT8", data, scales(O)))
    sizes = zip(padded[1:3], kernel, strict=True)
    out = [-(-n // stride) if same else (n - k) // stride + 1 for n, k in sizes]
    bias = built.constant(np.linspace(-1, 1, O, dtype=np.float32))
    y = built.add(
        "CONV_2D", [pad, weight, bias], (padded[0], *out, O),
        Padding=0 if same else 1, StrideH=stride, StrideW=stride,
    )  # fmt: skip
    rest = built.add("RELU", [pad if also else x], padded if also else (2, H, W, C))
    return built.finish(y, rest)


def ops(model):
    """Name the operators of the nodes that run."""
    names = [node.operator.name for node in model.fused_graph.nodes]
    return [name for name in names if name != "CAST"]


@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 1), (2, 5)])
@pytest.mark.parametrize("same", [False, True])
def test_bits_are_the_parts(isa, precision, kernel, same):
    """Padding on one side or both, beside the convolution's own; ranges without 0."""
    stride = 2 if kernel == (1, 1) else 1
    model = qd8.load(net(kernel, stride=stride, same=same), precision=precision)
    assert "PAD" not in ops(model)
    assert_nothing_lost(model)
    (given,) = model.inputs
    for seed in range(4):
        x = normal(*given.shape, seed=seed) + np.float32(seed)
        if seed == 3:
            x[1, 2, 2, 2] = np.nan  # that image is all NaN, the other is not
        expected = run_reference(model, {given.name: x}, keep="all")
        for threads in (1, 2):
            found = computed_when_fused(model, {given.name: x}, threads)
            for name, value in found.items():
                assert_same_bits(expected[name], value, name)


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": (1, 1)},  # quantizes pixels, and padded it would quantize images
        {"paddings": ((0, 0), (1, 1), (1, 1), (0, 1))},
        {"paddings": ((1, 0), (1, 1), (1, 1), (0, 0))},
        {"also": True},
        {"floats": True},
    ],
)
def test_what_must_stay_stays(changes):
    """Other axes, another reader, float weights, a convolution over pixels."""
    assert "PAD" in ops(qd8.load(net(**changes)))


def test_a_value_other_than_zero_stays():
    """PADV2 of ones is no padding."""
    built = Net()
    x = built.input(1, 4, 4, C)
    data = int8(O, 3, 3, C)
    weight = built.tensor(T(data.shape, "INT8", data, scales(O)))
    sides = np.array(((0, 0), (1, 1), (1, 1), (0, 0)))
    for value, stays in ((1.0, True), (0.0, False)):
        pad = built.add("PADV2", [x, sides, np.float32(value)], (1, 6, 6, C))
        y = built.add(
            "CONV_2D", [pad, weight, -1], (1, 4, 4, O), Padding=1, StrideH=1, StrideW=1
        )
        assert ("PADV2" in ops(qd8.load(built.finish(y)))) == stays
        built.calls.clear()
