"""Layers as objects: built from float, copied, pickled, printed, explained."""

import copy
import pickle

import numpy as np
import pytest

import qd8
from qd8.kernels import isa as tiers
from tests.checks import assert_same_bits
from tests.judgement import layer, reference_output
from tests.problems import ConvProblem, FullyConnectedProblem

PROBLEMS = (
    FullyConnectedProblem.generate(1, "gaussian", M=5, N=17, K=33),
    FullyConnectedProblem.generate(2, "extreme_weights", M=7, N=65, K=64),
    FullyConnectedProblem.generate(3, "subnormal", M=3, N=9, K=15),
    ConvProblem.generate(4, "gaussian"),
    ConvProblem.generate(5, "pointwise"),
    ConvProblem.generate(6, "extreme_weights").with_explicit_padding(),
)
EVERY = pytest.mark.parametrize("problem", PROBLEMS, ids=repr)


@EVERY
@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy])
def test_copies(isa: str, problem, twin) -> None:
    """A copy answers with the same bits and says the same of itself."""
    original = layer(problem)
    other = twin(original)
    # Before a call: the first of many rows may pack more beside the panels.
    assert repr(other) == repr(original)
    assert_same_bits(reference_output(problem), other(problem.x))


@EVERY
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_across_tiers(isa: str, problem, protocol: int) -> None:
    """Pickled under one tier and loaded under any other: the same bits."""
    pickled = pickle.dumps(layer(problem), protocol)
    for name in tiers.runnable():
        with tiers.forced(name):
            other = pickle.loads(pickled)
            assert name in repr(other)
            assert_same_bits(reference_output(problem), other(problem.x))


@EVERY
def test_pickles_hold_unpacked_weights(problem) -> None:
    """Every tier pickles the same bytes, no larger than the weights ask for."""
    pickles = set()
    for name in tiers.runnable():
        with tiers.forced(name):
            pickles.add(pickle.dumps(layer(problem)))
    assert len(pickles) == 1
    channels = len(problem.weight)
    assert len(pickles.pop()) < problem.weight.nbytes + 8 * channels + 2000


@EVERY
def test_attributes_give_back_what_was_given(isa: str, problem) -> None:
    """weight, weight_scale and bias are unpacked from the panels, exactly."""
    operator = layer(problem)
    assert_same_bits(problem.weight, operator.weight)
    channels = len(problem.weight)
    scale = np.broadcast_to(problem.weight_scale, (channels,))
    assert_same_bits(scale, operator.weight_scale)
    if problem.bias is None:
        assert operator.bias is None
    else:
        tiny = np.abs(problem.bias) < 2.0**-126  # R14 flushes them beforehand
        flushed = np.where(tiny, np.copysign(0, problem.bias), problem.bias)
        assert_same_bits(flushed.astype(np.float32), operator.bias)


def test_scale_of_one_element(isa: str) -> None:
    """(1,) is one scale for the whole tensor, as () is."""
    problem = PROBLEMS[0]
    rest = {**problem.arguments, "weight_scale": np.array([0.01], np.float32)}
    whole = {**rest, "weight_scale": np.array(0.01, np.float32)}
    expected = qd8.FullyConnected(**whole)(problem.x)
    assert_same_bits(expected, qd8.FullyConnected(**rest)(problem.x))


def test_fully_connected_from_float(isa: str) -> None:
    """from_float is quantize_weights, then the constructor."""
    rng = np.random.default_rng(7)
    weight, bias = rng.standard_normal((9, 33)), rng.standard_normal(9)
    weight, bias = weight.astype(np.float32), bias.astype(np.float32)
    x = rng.standard_normal((5, 33)).astype(np.float32)
    expected = qd8.FullyConnected(
        *qd8.quantize_weights(weight), bias, activation="relu"
    )
    actual = qd8.FullyConnected.from_float(weight, bias, activation="relu")
    assert_same_bits(expected(x), actual(x))


@pytest.mark.parametrize(
    ("layout", "axes"),
    [("OHWI", (0, 1, 2, 3)), ("OIHW", (0, 3, 1, 2)), ("HWIO", (1, 2, 3, 0))],
)
def test_conv2d_from_float(isa: str, layout: str, axes: tuple[int, ...]) -> None:
    """Weights of TensorFlow Lite, torch or Keras give the same layer."""
    rng = np.random.default_rng(8)
    weight = rng.standard_normal((5, 3, 2, 4)).astype(np.float32)  # OHWI
    x = rng.standard_normal((2, 6, 7, 4)).astype(np.float32)
    options = {"stride": (2, 1), "activation": "relu6"}
    expected = qd8.Conv2D(*qd8.quantize_weights(weight), **options)
    given = weight.transpose(axes)
    actual = qd8.Conv2D.from_float(given, weight_layout=layout, **options)
    assert_same_bits(expected(x), actual(x))


@EVERY
def test_repr(isa: str, problem) -> None:
    """A layer says its shape, weight type, activation, tier, kernel and bytes."""
    text = repr(layer(problem))
    for word in (type(layer(problem)).__name__, "int8", "bytes", isa):
        assert word in text
    assert problem.activation in text
    assert str(len(problem.weight)) in text


def test_explain(isa: str) -> None:
    """explain names kernel, tile and bytes, for any number of rows and threads."""
    for problem in PROBLEMS[:2]:
        operator = layer(problem)
        for M in (1, 7, 1000):
            for threads in (None, 1, 4):
                assert isa in str(operator.explain(M, threads=threads))


def test_warmup(isa: str) -> None:
    """warmup takes a layer and leaves its answers as they were."""
    for problem in PROBLEMS:
        operator = layer(problem)
        qd8.warmup(operator)
        assert_same_bits(reference_output(problem), operator(problem.x))


def test_scratch_is_for_the_threads_asked_for(isa: str) -> None:
    """A layer that has run on one thread does not keep its work for more of them."""
    problem = FullyConnectedProblem.generate(1, "gaussian", M=256, N=256, K=256)
    wide = layer(problem)
    alone = wide.scratch_bytes(problem.x, 1)
    assert wide.scratch_bytes(problem.x, 4) > alone
    assert wide.scratch_bytes(problem.x, 1) == alone
