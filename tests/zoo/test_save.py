"""A saved model is the same model: to the bit here, and within rounding in LiteRT."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import qd8
from qd8 import tflite, zoo
from tests.tflite.small import FILES

from .records import canonical
from .small import SMALL, values

PRECISIONS = ("fp32", "qd8-f32", "qd8-f16", "fp16")
# What a model in each precision is to LiteRT's answer for its file, in dB: LiteRT
# keeps activations in float32, and one rounding that differs moves an int8 step.
AGREEMENT = {"fp32": 100, "qd8-f32": 20, "qd8-f16": 16, "fp16": 35}


def inputs(model: qd8.Model) -> dict[str, npt.NDArray[Any]]:
    """Return something to run a model on."""
    return {i.name: values(i.name, i.shape, i.dtype) for i in model.inputs}


def litert(path: Path, given: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return LiteRT's answer for a file with one output."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(
        model_path=str(path), num_threads=1
    )
    interpreter.allocate_tensors()
    for each in interpreter.get_input_details():
        interpreter.set_tensor(each["index"], given[each["name"]])
    interpreter.invoke()
    (made,) = interpreter.get_output_details()
    found: npt.NDArray[Any] = interpreter.get_tensor(made["index"])
    return found


def sqnr(signal: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Return the ratio of the signal to the difference, in dB."""
    noise = np.sum(np.square(signal - other), dtype=np.float64)
    power = np.sum(np.square(signal), dtype=np.float64)
    return float(10 * np.log10(power / max(noise, 1e-30)))


CASES = [
    (name, weights, precision)
    for name in SMALL
    for weights in ("float32", "int8")
    for precision in PRECISIONS
    # Planning its 2741 operators takes seconds: one of each kind is enough.
    if name != "sd_unet"
    or (weights, precision) in (("float32", "qd8-f32"), ("int8", "fp16"))
]


@pytest.mark.parametrize(("name", "weights", "precision"), CASES)
def test_saved_models_agree(
    name: str, weights: str, precision: str, tmp_path: Path
) -> None:
    """Every architecture, precision and kind of file: same bits, LiteRT near."""
    path = tmp_path / "saved.tflite"
    model = qd8.load(
        zoo.build(name, weights=weights, **SMALL[name]), precision=precision
    )
    qd8.save(model, path)
    again = qd8.load(path, precision=precision)
    given = inputs(model)
    answer = model(**given)
    assert again(**given).tobytes() == answer.tobytes()
    assert [x.quantized for x in again.layers if x.op != "DEQUANTIZE"] == [
        x.quantized for x in model.layers
    ]
    assert sqnr(answer, litert(path, given)) > AGREEMENT[precision]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", FILES)
def test_other_ways_to_store_agree(name: str, precision: str, tmp_path: Path) -> None:
    """int8 and float16 behind DEQUANTIZE, absent biases, groups, several outputs."""
    model = qd8.load(FILES[name](), precision=precision)
    path = tmp_path / "saved.tflite"
    qd8.save(model, path)
    again = qd8.load(path, precision=precision)
    given = inputs(model)
    found = again.run(given)
    for output, wanted in model.run(given).items():
        assert found[output].tobytes() == wanted.tobytes()
    assert list(found) == [info.name for info in model.outputs]


@pytest.mark.parametrize(
    ("precision", "stored"),
    [
        ("fp32", {"CONV_2D": "FLOAT32", "DEPTHWISE_CONV_2D": "FLOAT32"}),
        ("qd8-f32", {"CONV_2D": "INT8", "DEPTHWISE_CONV_2D": "FLOAT32"}),
        ("qd8-f16", {"CONV_2D": "INT8", "DEPTHWISE_CONV_2D": "FLOAT16"}),
        ("fp16", {"CONV_2D": "FLOAT16", "DEPTHWISE_CONV_2D": "FLOAT16"}),
    ],
)
def test_weights_are_stored_as_they_run(
    precision: str, stored: dict[str, str], tmp_path: Path
) -> None:
    """The types of weights are the documented ones; nothing else is kept."""
    options = {"weights": "int8", **SMALL["efficientnet_v2_b0"]}
    model = qd8.load(zoo.build("efficientnet_v2_b0", **options), precision=precision)
    qd8.save(model, tmp_path / "saved.tflite")
    file = tflite.read(tmp_path / "saved.tflite")
    tensors = file.main.tensors
    unpacked = {
        o.outputs[0]: tensors[o.inputs[0]]
        for o in file.main.operators
        if o.op == "DEQUANTIZE"
    }
    for op, wanted in stored.items():
        calls = [o for o in file.main.operators if o.op == op]
        weights = [unpacked.get(o.inputs[1], tensors[o.inputs[1]]) for o in calls]
        large = [w for w in weights if w.data.size >= 1024]
        assert {w.dtype for w in large} == {wanted}
    used = {i for o in file.main.operators for i in (*o.inputs, *o.outputs)}
    assert used | {*file.main.inputs} == {*range(len(tensors))}


def test_a_dynamic_range_file_stays_as_it_is(tmp_path: Path) -> None:
    """Without depthwise weights saving changes nothing, not even the second time."""
    data = zoo.build("inception_v3", weights="int8", **SMALL["inception_v3"])
    paths = [tmp_path / "once.tflite", tmp_path / "twice.tflite"]
    qd8.save(qd8.load(data), paths[0])
    qd8.save(qd8.load(paths[0]), paths[1])
    assert canonical(tflite.read(paths[0])) == canonical(tflite.read(data))
    assert paths[1].read_bytes() == paths[0].read_bytes()


def test_a_model_may_replace_its_own_file(tmp_path: Path) -> None:
    """The file is mapped while it is replaced; both models go on."""
    path = tmp_path / "model.tflite"
    path.write_bytes(zoo.build("deeplab_v3", **SMALL["deeplab_v3"]))
    before = path.stat().st_size
    model = qd8.load(path, precision="qd8-f32")
    answer = model(**inputs(model))
    qd8.save(model, path)
    assert path.stat().st_size < before / 2
    assert model(**inputs(model)).tobytes() == answer.tobytes()
    assert qd8.load(path)(**inputs(model)).tobytes() == answer.tobytes()
    assert [*tmp_path.iterdir()] == [path]


def test_a_resized_model_is_saved_with_its_file_s_extents(tmp_path: Path) -> None:
    """And resizes again to the same answer."""
    model = qd8.load(zoo.build("efficientnet_v2_b0", **SMALL["efficientnet_v2_b0"]))
    small = model.inputs[0].shape
    pair = model.resize({"input": (2, *small[1:])})
    qd8.save(pair, tmp_path / "saved.tflite")
    again = qd8.load(tmp_path / "saved.tflite")
    assert again.inputs[0].shape == small
    given = inputs(pair)
    found = again.resize({"input": pair.inputs[0].shape})(**given)
    assert found.tobytes() == pair(**given).tobytes()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    """A path, bytes or a layer cannot be saved, and nothing is written."""
    with pytest.raises(TypeError, match=r"a qd8\.Model is needed, not bytes"):
        qd8.save(b"TFL3", tmp_path / "saved.tflite")
    model = qd8.load(FILES["every_operator"]())
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        qd8.save(model, tmp_path / "nowhere" / "saved.tflite")
    assert not [*tmp_path.iterdir()]
