"""Other batches: one file, one set of packed weights, the bits of each image alone."""

import gc
import pickle
import weakref

import numpy as np
import pytest

import qd8
from qd8.graph import resize as resizing
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.tflite.net import Net
from tests.tflite.operators import arithmetic_on_shapes
from tests.tflite.small import int8, normal, scales
from tests.tflite.write import T


def dynamic(signature=(-1, 6, 6, 3)):
    """Write a net whose batch is open: convolution, mean, fully connected."""
    net = Net()
    x = net.input(1, 6, 6, 3, shape_signature=signature)
    weight = net.tensor(T((8, 3, 3, 3), "INT8", int8(8, 3, 3, 3), scales(8)))
    conv = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    y = net.add("CONV_2D", [x, weight, normal(8)], (1, 6, 6, 8), Padding=0, **conv)
    net.tensors[y].shape_signature = (-1, 6, 6, 8)
    y = net.add("MEAN", [y, [1, 2]], (1, 8))
    net.tensors[y].shape_signature = (-1, 8)
    rows = net.tensor(T((4, 8), "INT8", int8(4, 8), scales(4)))
    y = net.add("FULLY_CONNECTED", [y, rows], (1, 4))
    net.tensors[y].shape_signature = (-1, 4)
    return net.finish(y)


def images(n, seed=0):
    """Draw a batch."""
    return np.random.default_rng(seed).standard_normal((n, 6, 6, 3)).astype("f4")


@pytest.mark.parametrize("precision", ["fp32", "qd8-f32", "qd8-f16"])
def test_a_batch_is_its_images(precision):
    """A call with another batch has the bits of one call for each image (C1)."""
    model = qd8.load(dynamic(), precision=precision)
    assert model.inputs[0].shape == (1, 6, 6, 3)
    assert model.inputs[0].shape_signature == (-1, 6, 6, 3)
    for n in (1, 2, 5):
        x = images(n, seed=n)
        expected = np.concatenate([model(x[i : i + 1]) for i in range(n)])
        assert_same_bits(expected, model(x))


def test_resizing_shares_the_packed_weights():
    """The layers are the same objects; a shape that comes again is remembered."""
    model = qd8.load(dynamic())
    larger = model.resize({"t0": (3, 6, 6, 3)})
    assert larger.inputs[0].shape == (3, 6, 6, 3)
    assert larger.outputs[0].shape == (3, 4)
    assert larger.layers[0].operator is model.layers[0].operator
    assert larger is model.resize({0: (3, 6, 6, 3)})
    assert model is larger.resize({0: (1, 6, 6, 3)})
    assert model.inputs[0].shape == (1, 6, 6, 3)


def test_an_extent_that_the_file_fixes_may_be_resized_but_not_called():
    """As in LiteRT: a call says what is open, a resize may say more."""
    model = qd8.load(dynamic())
    x = np.random.default_rng(0).standard_normal((1, 9, 7, 3)).astype("f4")
    with pytest.raises(ValueError, match=r"\(1, 9, 7, 3\); \(1, 6, 6, 3\) is needed"):
        model(x)
    other = model.resize({"t0": (1, 9, 7, 3)})
    assert_same_bits(run_reference(other, x)[other.outputs[0].name], other(x))


def test_computed_shapes_follow():
    """SHAPE and what is made of it say the new batch."""
    model = qd8.load(arithmetic_on_shapes())
    x = np.random.default_rng(0).standard_normal((5, 3, 4)).astype("f4")
    expected = run_reference(model.resize({0: x.shape}), x)
    assert expected["t16"].shape == (5, 12)
    for name, value in model(x).items():
        assert_same_bits(expected[name], value)


def test_resizing_says_what_is_wrong():
    """Unknown inputs, other ranks, no elements, and operators that do not fit."""
    model = qd8.load(dynamic())
    with pytest.raises(KeyError, match="no input 'x'"):
        model.resize({"x": (1, 6, 6, 3)})
    with pytest.raises(KeyError, match="no input 1"):
        model.resize({1: (1, 6, 6, 3)})
    for shape in ((6, 6, 3), (0, 6, 6, 3), (-1, 6, 6, 3)):
        with pytest.raises(ValueError, match="cannot be resized"):
            model.resize({0: shape})
    with pytest.raises(ValueError, match=r"operator 0 \(CONV_2D\): .* 4 channels"):
        model.resize({0: (1, 6, 6, 4)})


def test_the_last_shapes_are_remembered():
    """Not all of them: each has an arena."""
    model = qd8.load(dynamic())
    for n in range(2, 2 + 2 * resizing.REMEMBERED):
        model.resize({0: (n, 6, 6, 3)})
    assert len(model._resized) == resizing.REMEMBERED
    assert model.resize({0: (1, 6, 6, 3)}) is model


def test_a_model_goes_with_its_last_user():
    """It is part of no cycle: its gigabytes do not wait for the garbage collector."""
    model = qd8.load(dynamic())
    model(images(2))
    larger = model.resize({0: (3, 6, 6, 3)})
    expected, gone = model(images(3)), weakref.ref(model)
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()
    assert_same_bits(expected, larger(images(3)))
    assert larger.resize({0: (1, 6, 6, 3)})(images(1)).shape == (1, 4)


def test_a_pickle_keeps_the_shape():
    """And the bits."""
    model = qd8.load(dynamic()).resize({0: (4, 6, 6, 3)})
    other = pickle.loads(pickle.dumps(model))
    assert other.inputs[0].shape == (4, 6, 6, 3)
    assert_same_bits(model(images(4)), other(images(4)))
