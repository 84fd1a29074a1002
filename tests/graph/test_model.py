"""The interface of a model: calling, keeping, watching, pickling, asking."""

import copy
import json
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

import qd8
from tests.checks import assert_same_bits
from tests.tflite.small import every_operator, two_edges, valid_and_dilated

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "qd8/data/digits/digits_drq.tflite"


@pytest.fixture(scope="module")
def model():
    """The net of every operator, as its file says."""
    return qd8.load(every_operator())


@pytest.fixture(scope="module")
def x(model):
    """An input."""
    rng = np.random.default_rng(1)
    return rng.standard_normal(model.inputs[0].shape).astype(np.float32)


def test_call_by_position_name_and_file_name(model, x):
    """One output is an array, however the input was named."""
    expected = model(x)
    assert isinstance(expected, np.ndarray)
    assert expected.shape == (1, 10)
    assert_same_bits(expected, model(image=x))
    assert_same_bits(expected, model(**{"t0": x}))
    assert_same_bits(expected, model.run({"image": x})["odds"])


def test_several_edges_are_dicts():
    """Two inputs by position and name, two outputs by name."""
    model = qd8.load(two_edges())
    left = np.ones((2, 3, 32), np.float32)
    right = np.full((1, 32), 0.25, np.float32)
    expected = model(left, right)
    assert list(expected) == ["first", "second"]
    actual = model(left, right=right)
    for name in expected:
        assert_same_bits(expected[name], actual[name])


def test_results_are_owned(model, x):
    """A second run does not change what the first returned, nor its input."""
    given = x.copy()
    first = model(x)
    kept = first.copy()
    model(-x)
    assert_same_bits(kept, first)
    assert_same_bits(given, x)


def test_any_memory_order_will_do(model, x):
    """Strided, Fortran-ordered, byte-swapped and read-only inputs are copied in."""
    expected = model(x)
    strided = np.repeat(x, 2, axis=2)[:, :, ::2]
    frozen = x.copy()
    frozen.flags.writeable = False
    for other in (strided, np.asfortranarray(x), x.astype(">f4"), frozen):
        assert_same_bits(expected, model(other))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda x: x.astype(np.float64), TypeError, r"x\.astype\(np\.float32\)"),
        (lambda x: x.astype(np.float16), TypeError, "is float16; float32 is needed"),
        (lambda x: x.astype(np.int8), TypeError, "is int8"),
        (lambda x: x.transpose(0, 3, 1, 2), ValueError, r"NCHW: x\.transpose\(0, 2"),
        (lambda x: x[0], ValueError, r"x\[np\.newaxis\]"),
        (lambda x: np.repeat(x, 3, 0), ValueError, "the batch is 1"),
        (lambda x: x[:, :-1], ValueError, r"is \(1, 7, 8, 4\); \(1, 8, 8, 4\) is"),
    ],
)
def test_wrong_inputs_are_named(model, x, change, error, said):
    """What was given, what is needed, and how to get there."""
    with pytest.raises(error, match=f"input 'image' .*{said}"):
        model(change(x))


def test_wrong_names_are_named(model, x):
    """Missing, unknown, double and surplus inputs; unknown tensors to keep."""
    with pytest.raises(TypeError, match="'image' is missing; the model has image"):
        model()
    with pytest.raises(TypeError, match=r"no input 'imag' .did you mean 'image'"):
        model(imag=x)
    with pytest.raises(TypeError, match="given twice"):
        model(x, image=x)
    with pytest.raises(TypeError, match="2 inputs were given"):
        model(x, x)
    with pytest.raises(KeyError, match="no node computes 'nothing'"):
        model.run({"image": x}, keep=["nothing"])


def test_wrong_options_are_named():
    """Precision and memory are checked."""
    with pytest.raises(ValueError, match="precision is 'int8'; needed is one of fp32"):
        qd8.load(every_operator(), precision="int8")
    with pytest.raises(ValueError, match="memory is 'tiny'"):
        qd8.load(every_operator(), memory="tiny")


def test_keep_and_on_node_see_the_same(model, x):
    """Each kept tensor is what the watcher was shown, with its consumer's input."""
    seen, order = {}, []

    def watch(layer, inputs, outputs):
        for name, value in inputs.items():
            assert_same_bits(seen.get(name, value), value)
        seen.update(outputs)
        order.append(layer.op)

    kept = model.run({"image": x}, keep="all", on_node=watch)
    assert [layer.op for layer in model.layers] == order
    for name, value in seen.items():
        if name in kept:
            assert_same_bits(value, kept[name])
    assert len(kept) == len(model.layers) + 1
    assert list(model.run({"image": x}, keep=["t7"])) == ["odds", "t7"]
    assert_same_bits(kept["t7"], model.run({"image": x}, keep="t7")["t7"])


def test_a_watcher_that_raises_leaves_the_model_usable(model, x):
    """The arena goes back to the pool."""
    expected = model(x)

    def watch(layer, inputs, outputs):
        raise RuntimeError("seen enough")

    with pytest.raises(RuntimeError, match="seen enough"):
        model.run({"image": x}, on_node=watch)
    assert_same_bits(expected, model(x))


def test_layers_say_what_they_are(model):
    """By position and name; quantized or why not; the bound operator."""
    conv = model.layers[0]
    assert conv is model.layers["t3"]
    assert (conv.op, conv.quantized, conv.index) == ("CONV_2D", True, 0)
    assert isinstance(conv.operator, qd8.Conv2D)
    assert conv.weight.dtype == np.int8
    assert conv.weight_scale.shape == (8,)
    assert conv.options["groups"] == 2
    depthwise = model.layers["t6"]
    assert not depthwise.quantized
    assert "dequantized at load" in depthwise.reason
    assert depthwise.weight.dtype == np.float32
    assert isinstance(model.layers["t27"].operator, qd8.FullyConnected)
    with pytest.raises(KeyError, match="did you mean 't27'"):
        model.layers["t277"]


def test_a_bound_operator_computes_its_layer(model, x):
    """What the model holds is a layer like any other."""
    kept = model.run({"image": x}, keep=["t3"])
    assert_same_bits(kept["t3"], model.layers[0].operator(x))


@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16", "fp32"])
def test_pickles_and_copies_have_the_same_bits(x, precision):
    """Also a clone, which shares the packed weights."""
    model = qd8.load(every_operator(), precision=precision)
    expected = model(x)
    for other in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        model.clone(),
    ):
        assert other.precision == precision
        assert_same_bits(expected, other(x))
    assert model.clone().layers[0].operator is model.layers[0].operator


def test_eight_threads_at_once(model):
    """One model, called by many, each with its own number of kernel threads."""
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((8, *model.inputs[0].shape)).astype(np.float32)
    expected = [model(each) for each in inputs]
    actual = [None] * 8

    def work(i):
        with qd8.threads(1 + i % 2):
            for _ in range(20):
                actual[i] = model(inputs[i])

    workers = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(expected, actual, strict=True):
        assert_same_bits(one, other)


def test_repr_says_what_it_is(model):
    """Precision, operators, inputs and outputs."""
    text = repr(model)
    assert "qd8-f32, 17 operators, 2 dynamically quantized" in text
    assert "image (1, 8, 8, 4) float32 -> odds (1, 10) float32" in text


def test_profile_is_a_table(model, x):
    """A row for each node; shares add up; as text, HTML and JSON."""
    table = model.profile(x, runs=3)
    assert [row.op for row in table] == [
        n.operator.name for n in model.fused_graph.nodes
    ]
    stood_for = [op for row in table for op in row.fused or (row.op,)]
    assert sorted(stood_for) == sorted(layer.op for layer in model.layers)
    assert sum(row.share for row in table) == pytest.approx(1)
    assert table[0].macs == 8 * 8 * 8 * 9 * 2
    assert "CONV_2D" in repr(table)
    assert table._repr_html_().count("<tr>") == len(table) + 1
    assert len(json.loads(table.to_json())["rows"]) == len(table)
    assert model.run({"image": x}, profile=True).profile is not None
    assert model.run({"image": x}).profile is None


def test_inspect_a_path_and_the_model_it_makes():
    """What is said of a file is what loading does."""
    of_path, of_model = qd8.inspect(DIGITS), qd8.inspect(qd8.load(DIGITS))
    assert len(of_path) == len(of_model) == 65
    for one, other in zip(of_path, of_model, strict=True):
        assert (one.op, one.name, one.output) == (other.op, other.name, other.output)
        assert (one.quantized, one.reason) == (other.quantized, other.reason)
        assert (one.macs, one.inputs) == (other.macs, other.inputs)
    assert sum(row.quantized for row in of_path) == 20
    assert "65 operators: CONV_2D 20" in repr(of_path)


def test_precision_of_a_float_file():
    """Weights of 1024 elements and more are quantized, smaller ones say why not."""
    path = DIGITS.with_name("digits_fp32.tflite")
    rows = qd8.inspect(qd8.load(path, precision="qd8-f32"))
    for row in rows:
        if row.op in ("CONV_2D", "FULLY_CONNECTED"):
            elements = np.prod([int(n) for n in row.weight.split()[1].split("x")])
            assert row.quantized == (elements >= 1024), row
    assert "216 weights, fewer than 1024" in {row.reason for row in rows}


def test_a_quantized_float_file_has_the_converters_bytes():
    """Where the shipped pair has the same float twin, the int8 weights agree (R12)."""
    drq = qd8.load(DIGITS)
    fp32 = qd8.load(DIGITS.with_name("digits_fp32.tflite"), precision="qd8-f32")
    pairs = [
        (one, other)
        for one, other in zip(drq.layers, fp32.layers, strict=True)
        if one.quantized
    ]
    assert len(pairs) == 20
    for one, other in pairs:
        assert_same_bits(one.weight, other.weight, one.name)
        assert_same_bits(one.weight_scale, other.weight_scale, one.name)


def test_half_precision_tensors():
    """Activations are float16 inside, float32 at the edges; biases stay float32."""
    model = qd8.load(valid_and_dilated(), precision="fp16")
    kept = model.run({"t0": np.ones((1, 9, 9, 3), np.float32)}, keep="all")
    assert kept["t0"].dtype == kept["t11"].dtype == np.float32
    inner = {name: value for name, value in kept.items() if name not in ("t0", "t11")}
    assert {value.dtype for value in inner.values()} == {np.dtype(np.float16)}
    assert model.layers[0].weight.dtype == np.float16
    assert model.layers[0].bias.dtype == np.float32
