"""Bytes beside the panels go where they save most, and change no bit."""

import numpy as np
import pytest

import qd8
from qd8.graph import budget
from qd8.kernels import isa as tiers
from qd8.winograd import PackedTwice
from tests.checks import assert_same_bits
from tests.tflite.net import Net
from tests.tflite.small import int8, normal, scales
from tests.tflite.write import T

C = 64
SIZES = (40, 20, 10)


@pytest.fixture(name="content")
def _content():
    """Convolutions of the same weights' size over smaller and smaller images."""
    net = Net()
    x = net.input(1, SIZES[0], SIZES[0], C)
    for place, size in enumerate(SIZES):
        data = int8(C, 3, 3, C, seed=place)
        weight = net.tensor(T(data.shape, "INT8", data, scales(C)))
        if place:
            x = net.add(
                "MAX_POOL_2D", [x], (1, size, size, C),
                FilterHeight=2, FilterWidth=2, StrideH=2, StrideW=2, Padding=1,
            )  # fmt: skip
        x = net.add(
            "CONV_2D", [x, weight, -1], (1, size, size, C), StrideH=1, StrideW=1
        )
    return net.finish(x)


def loaded(content, times, monkeypatch, **options):
    """Load with a budget, run, and return the model and its answer."""
    monkeypatch.setattr(budget, "TIMES_PANELS", times)
    with tiers.forced("generic"):
        model = qd8.load(content, **options)
        return model, model(normal(1, SIZES[0], SIZES[0], C))


def has_both(model):
    """Say of each convolution whether it is packed twice."""
    return [
        isinstance(layer.operator.packed, PackedTwice)
        for layer in model.layers
        if layer.op == "CONV_2D"
    ]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (0, [False, False, False]),
        (3, [True, False, False]),  # 8 times the bytes of one of three layers
        (6, [True, True, False]),
        (9, [True, True, True]),
    ],
)
def test_the_largest_images_come_first(content, monkeypatch, times, expected):
    """Where weights are as large, a larger image saves more; the bits stay."""
    model, found = loaded(content, times, monkeypatch)
    assert has_both(model) == expected
    panels = sum(layer.operator.packed.panels.nbytes for layer in model.layers[::2])
    both = sum(layer.operator.packed.nbytes for layer in model.layers[::2])
    assert both - panels <= times * panels
    small, other = loaded(content, times, monkeypatch, memory="small")
    assert has_both(small) == [False] * 3
    assert_same_bits(other, found)
    if not all(expected):
        (n, size) = (1, SIZES[2])
        text = str(model.layers[4].operator.explain((n, size, size, C), 1))
        assert "the model's bytes are spent" in text


def test_other_threads_and_sizes_are_dealt_no_more(content, monkeypatch):
    """What was granted stays granted, and what was denied stays denied."""
    model, found = loaded(content, 3, monkeypatch)
    x = normal(1, SIZES[0], SIZES[0], C)
    with tiers.forced("generic"), qd8.threads(2):
        assert_same_bits(found, model.clone()(x))
        assert_same_bits(np.repeat(found, 2, 0), model.resize({0: (2, *x.shape[1:])})(
            np.repeat(x, 2, 0)
        ))  # fmt: skip
    assert has_both(model) == [True, False, False]
