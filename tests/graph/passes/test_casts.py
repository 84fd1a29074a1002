"""CASTs that a neighbour does: the bits, and who must keep one."""

import numpy as np
import pytest

import qd8
from qd8.kernels import float_resize
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.kernels.float_values import wild
from tests.tflite.net import Net
from tests.tflite.small import normal

SIZE = (11, 9)
RESIZED = {"AlignCorners": True}


def net(kernel=(3, 3), *, gate=False, also=None):
    """Build a convolution with its tail, RELU, and a resize."""
    built, (kh, kw), shape = Net(), kernel, (1, *SIZE, 5)
    x = built.input(1, *SIZE, 3)
    weight = built.constant(normal(5, kh, kw, 3))
    y = built.add("CONV_2D", [x, weight, normal(5)], shape, StrideH=1, StrideW=1)
    if gate:
        y = built.add("LOGISTIC", [y], shape)
    y = small = built.add("RELU", [y], shape)
    size = built.constant(np.array([23, 30], np.int32))
    y = built.add("RESIZE_BILINEAR", [y, size], (1, 23, 30, 5), **RESIZED)
    outputs = [y]
    if also == "input":
        outputs += [built.add("NEG", [x], (1, *SIZE, 3))]
    if also == "resized":
        outputs += [built.add("NEG", [y], (1, 23, 30, 5))]
    if also == "small":
        outputs += [small]
    return built.finish(*outputs)


def operators(model):
    """Name what runs, in order."""
    return [node.operator.name for node in model.fused_graph.nodes]


@pytest.mark.parametrize("past", [0, 2**62], ids=["past caches", "asked for"])
@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (1, 2)])
@pytest.mark.parametrize("precision", ["fp16", "qd8-f16"])
def test_bits_are_the_parts(isa, monkeypatch, past, gate, kernel, precision):
    """No CAST runs, and every tensor is the reference's: ties, infinities and NaN."""
    monkeypatch.setattr(float_resize, "PAST_CACHES", past)
    model = qd8.load(net(kernel, gate=gate), precision=precision)
    assert "CAST" not in operators(model)
    assert_nothing_lost(model)
    (given,) = model.inputs
    inputs = {given.name: wild(3, *given.shape)}
    assert_fused_bits(model, inputs)


@pytest.mark.parametrize(
    ("also", "expected"),
    [
        ("input", ["CAST", "CAST", "CONV_2D", "NEG", "RESIZE_BILINEAR"]),
        ("resized", ["CAST", "CAST", "CONV_2D", "NEG", "RESIZE_BILINEAR"]),
        ("small", ["CAST", "CONV_2D", "RESIZE_BILINEAR"]),
    ],
)
def test_who_is_read_by_others_keeps_its_cast(also, expected):
    """float16 numbers that others read must exist; no tail makes float32."""
    model = qd8.load(net(also=also), precision="fp16")
    assert expected == sorted(operators(model))
    (given,) = model.inputs
    inputs = {given.name: wild(4, *given.shape)}
    with np.errstate(all="ignore"):
        reference = run_reference(model, inputs)
    for name, found in model.run(inputs).items():
        assert_same_bits(reference[name], found, name)


def test_float32_has_none():
    """Without float16 the pass finds nothing."""
    assert operators(qd8.load(net())) == ["CONV_2D", "RESIZE_BILINEAR"]
