"""What is written is read again, record by record, and LiteRT takes it."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite as generated

from qd8 import tflite
from qd8.tflite.write_options import SHARED, options_table
from qd8.tflite.writing import _chunks
from tests.tflite.small import FILES

from .test_structure import MODELS

DIGITS = Path(__file__).parents[2] / "qd8" / "data" / "digits"
REAL = sorted([*MODELS.glob("*.tflite"), *DIGITS.glob("*.tflite")])


def plain(record: Any) -> Any:
    """Turn records into what can be compared: arrays into type, shape and bytes."""
    if isinstance(record, np.ndarray):
        return record.dtype, record.shape, record.tobytes()
    if dataclasses.is_dataclass(record):
        names = [each.name for each in dataclasses.fields(record)]
        return {name: plain(getattr(record, name)) for name in names}
    if isinstance(record, tuple):
        return tuple(plain(each) for each in record)
    return record


def content(file: tflite.File) -> Any:
    """Return all that is to be written: not its name and its own bytes."""
    return plain((file.version, file.description, file.subgraphs, file.signatures))


@pytest.mark.parametrize("largest", [2**31 - 1, 100])
@pytest.mark.parametrize("name", FILES)
def test_small_files_come_back(name: str, largest: int) -> None:
    """Constants inside the flatbuffer and, beyond its limit, behind it."""
    file = tflite.read(FILES[name]())
    written = b"".join(_chunks(file, largest))
    assert content(tflite.read(written)) == content(file)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_files_come_back(path: Path) -> None:
    """Converter files, full-integer ones too, lose nothing."""
    file = tflite.read(path)
    assert content(tflite.read(tflite.serialize(file))) == content(file)


@pytest.mark.parametrize("largest", [2**31 - 1, 100])
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_litert_gives_the_same_answer(path: Path, largest: int) -> None:
    """LiteRT computes from the written file what it computes from the original."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    file = tflite.read(path)
    answers = []
    for data in (path.read_bytes(), b"".join(_chunks(file, largest))):
        interpreter = litert.Interpreter(model_content=data)
        interpreter.allocate_tensors()
        (given,) = interpreter.get_input_details()
        (made,) = interpreter.get_output_details()
        x = np.random.default_rng(0).uniform(-1, 1, given["shape"])
        interpreter.set_tensor(given["index"], x.astype(given["dtype"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(made["index"]).tobytes())
    assert answers[1] == answers[0]


def test_constants_are_aligned() -> None:
    """Bytes of each constant lie at a multiple of 16, as the schema asks."""
    for largest in (2**31 - 1, 100):
        data = b"".join(_chunks(tflite.read(FILES["every_operator"]()), largest))
        file = tflite.read(data)
        start = file.data.__array_interface__["data"][0]
        constants = [t.data for t in file.main.tensors if t.data is not None]
        places = [c.__array_interface__["data"][0] - start for c in constants]
        assert constants
        assert {place % 16 for place in places} == {0}


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """What cannot be written leaves the old file and no other."""
    path = tmp_path / "model.tflite"
    good = tflite.read(FILES["two_edges"]())
    tflite.write(good, path)
    before = path.read_bytes()
    tensors = good.main.tensors
    wrong = dataclasses.replace(tensors[0], dtype="FLOAT5")
    main = dataclasses.replace(good.main, tensors=(wrong, *tensors[1:]))
    with pytest.raises(NotImplementedError, match=r"tensor 0 \('left'\) is FLOAT5"):
        tflite.write(dataclasses.replace(good, subgraphs=(main,)), path)
    assert path.read_bytes() == before == tflite.serialize(good)
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": "CUSTOM Flex"}, "CUSTOM Flex is no operator of TFLite's own"),
        ({"options": {"padding": "ROUND"}}, r"operator 0 \(CONV_2D\): padding cannot"),
        ({"options": {"colour": 1}}, "Conv2DOptions has no field Colour"),
        ({"op": "TANH"}, "TANH takes no options, not padding"),
    ],
)
def test_what_would_be_lost_is_refused(change: dict[str, Any], message: str) -> None:
    """Operators and options that the schema does not know are named."""
    file = tflite.read(FILES["every_operator"]())
    first, *others = file.main.operators
    operators = (dataclasses.replace(first, **change), *others)
    main = dataclasses.replace(file.main, operators=operators)
    with pytest.raises((ValueError, NotImplementedError), match=message):
        tflite.serialize(dataclasses.replace(file, subgraphs=(main,)))


def test_data_that_contradicts_its_tensor_is_refused() -> None:
    """A constant of another type or shape than its tensor says is no file."""
    file = tflite.read(FILES["every_operator"]())
    tensors = [*file.main.tensors]
    tensors[2] = dataclasses.replace(tensors[2], data=np.zeros(8))
    main = dataclasses.replace(file.main, tensors=tuple(tensors))
    with pytest.raises(ValueError, match=r"FLOAT32 \(8,\) but its data is float64"):
        tflite.serialize(dataclasses.replace(file, subgraphs=(main,)))


def test_every_options_table_has_its_operator() -> None:
    """Each table of the schema's union is found from at least one operator's name."""
    operators = {
        k for k, v in vars(generated.BuiltinOperator).items() if type(v) is int
    }
    tables = {k for k, v in vars(generated.BuiltinOptions).items() if type(v) is int}
    assert set(SHARED) <= operators
    # Of operators whose kind of random numbers or sequence is no part of the name.
    unreached = {"NONE", "RandomOptions", "SequenceRNNOptions"}
    assert tables - {options_table(op) for op in operators} == unreached
