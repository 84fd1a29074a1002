"""Small files by TensorFlow's converter (scripts/make_operator_files.py), whole."""

from pathlib import Path

import numpy as np
import pytest

import qd8
from qd8.graph.operators import OPERATORS
from qd8.graph.precision import PRECISIONS
from qd8.tflite import read
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.test_model_bits import litert, sqnr

FILES = sorted((Path(__file__).parents[1] / "data" / "converter").glob("*.tflite"))


def draw(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(8, 32)).astype(np.float32)


def test_the_files_hold_what_they_were_made_for() -> None:
    """Twenty kinds and more, as the converter spells them; qd8 has every one."""
    kinds = {op.op for path in FILES for op in read(path).main.operators}
    assert len(FILES) == 8
    assert len(kinds) >= 20
    assert kinds <= set(OPERATORS)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_tensor_equals_the_reference(path: Path, precision: str) -> None:
    """To the bit, in every precision."""
    model = qd8.load(path, precision=precision)
    inputs = {model.inputs[0].name: draw()}
    expected = run_reference(model, inputs, keep="all")
    for name, value in model.run(inputs, keep="all").items():
        assert_same_bits(expected[name], value, name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_answer_is_litert_s(path: Path) -> None:
    """80 dB in float; quantized files within what int8 leaves."""
    model = qd8.load(path)
    expected = litert(path.read_bytes(), [draw()])
    found = list(model.run({model.inputs[0].name: draw()}).values())
    least = 80 if path.stem.endswith("fp32") else 25
    assert sqnr(np.stack(expected), np.stack(found)) >= least
