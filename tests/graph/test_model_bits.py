"""A model's kernels against the reference, tensor by tensor, and LiteRT beside them."""

from pathlib import Path

import numpy as np
import pytest

import qd8
from qd8.graph.precision import PRECISIONS
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.tflite import operators, small

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "qd8/data/digits"
MODELS = ROOT.parent / "shared/models"
FILES = {**small.FILES, **operators.FILES}


def inputs_of(model, seed=0):
    """Draw smooth inputs in [-1, 1] for a model, small integers, truth values."""
    rng = np.random.default_rng(seed)
    found = {}
    for each in model.inputs:
        if each.dtype.kind != "f":
            drawn = rng.integers(0, 2 if each.dtype == bool else 4, each.shape)
            found[each.name] = drawn.astype(each.dtype)
            continue
        count = int(np.prod(each.shape))
        wave = np.sin(np.arange(count) * rng.uniform(0.01, 0.5) + rng.uniform(0, 6))
        found[each.name] = wave.astype(each.dtype).reshape(each.shape)
    return found


def assert_same_dicts(expected, actual):
    """Equal names in equal order, equal bits under each."""
    assert list(expected) == list(actual)
    for name in expected:
        assert_same_bits(expected[name], actual[name], name)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", FILES)
def test_small_files_equal_the_reference(isa, name, precision):
    """Every tensor of every small file, on every tier, in every precision."""
    model = qd8.load(FILES[name](), precision=precision)
    inputs = inputs_of(model)
    expected = run_reference(model, inputs, keep="all")
    for threads in (1, 2):
        with qd8.threads(threads):
            assert_same_dicts(expected, model.run(inputs, keep="all"))
            outputs = {name: expected[name] for name in model.run(inputs)}
            assert_same_dicts(outputs, model.run(inputs))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", ["drq", "fp32"])
def test_digits_equal_the_reference(kind, precision):
    """Every tensor of the shipped classifier."""
    model = qd8.load(DIGITS / f"digits_{kind}.tflite", precision=precision)
    image = np.load(DIGITS / "digits.npz")["images"][5]
    x = (image.astype(np.float32) / 16).reshape(model.inputs[0].shape)
    expected = run_reference(model, x, keep="all")
    assert len(expected) >= 66
    assert_same_dicts(expected, model.run({"image": x}, keep="all"))


def test_nan_and_infinity_reach_the_output():
    """What is not finite is not silent (C3), and equals the reference still."""
    model = qd8.load(FILES["every_operator"]())
    for value in (np.nan, np.inf):
        x = inputs_of(model)["image"]
        x[0, 2, 3, 1] = value
        expected = run_reference(model, x)
        assert np.isnan(expected["odds"]).all()
        assert_same_dicts(expected, model.run({"image": x}))


def sqnr(expected, actual):
    """Signal over noise in decibels."""
    noise = np.sum((expected.astype(float) - actual) ** 2)
    return 10 * np.log10(np.sum(expected.astype(float) ** 2) / max(noise, 1e-300))


def litert(content, inputs):
    """Run a file on LiteRT; its outputs in order."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    runner = interpreter.Interpreter(model_content=content, num_threads=1)
    runner.allocate_tensors()
    for detail, x in zip(runner.get_input_details(), inputs, strict=True):
        runner.set_tensor(detail["index"], x)
    runner.invoke()
    return [runner.get_tensor(d["index"]) for d in runner.get_output_details()]


@pytest.mark.parametrize("name", FILES)
def test_small_files_agree_with_litert(name):
    """Float files differ from LiteRT by rounding only; int8 ones by their filters."""
    content = FILES[name]()
    model = qd8.load(content)
    inputs = inputs_of(model)
    expected = litert(content, list(inputs.values()))
    actual = model.run(inputs)
    assert [x.shape for x in expected] == [x.shape for x in actual.values()]
    for x, y in zip(expected, actual.values(), strict=True):
        assert x.dtype == y.dtype
        if x.dtype.kind == "f":
            assert sqnr(x, y) > (40 if model.precision == "qd8-f32" else 100)
        else:
            assert_same_bits(x, y)


@pytest.mark.parametrize(("kind", "least"), [("drq", 35), ("fp32", 100)])
def test_digits_agree_with_litert(kind, least):
    """The same file on LiteRT, over eight images, powers summed."""
    path = DIGITS / f"digits_{kind}.tflite"
    model = qd8.load(path)
    images = np.load(DIGITS / "digits.npz")["images"][:8]
    found = []
    for image in images:
        x = (image.astype(np.float32) / 16).reshape(model.inputs[0].shape)
        found.append((litert(path.read_bytes(), [x])[0], model(x)))
    expected, actual = (np.stack(each) for each in zip(*found, strict=True))
    assert sqnr(expected, actual) > least
