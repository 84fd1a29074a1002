"""`qd8.warmup`: afterwards a call compiles nothing, and what took time was said."""

from pathlib import Path

import numpy as np
import pytest

import qd8
from qd8.kernels import cache
from tests.processes import assert_prints

CODE = """
import sys
from qd8.kernels import cache
from tests.tflite.small import two_edges
from tests.problems import FullyConnectedProblem
operator = qd8.FullyConnected.from_float(np.ones((3, 5), np.float32))
model = qd8.load(two_edges())
print("built", file=sys.stderr)
with qd8.threads({threads}):
    for each in (operator, model):
        qd8.warmup(each)
    print("warm", file=sys.stderr)
    later = []
    cache.listeners.append(lambda name, seconds: later.append(name))
    operator(np.ones((1, 5), np.float32)), operator(np.ones((1, 5), np.float16))
    model(*(np.ones(i.shape, i.dtype) for i in model.inputs))
print(later)
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_after_warmup_a_call_compiles_nothing(tmp_path: Path, threads: int) -> None:
    """From an empty cache each kernel is announced once, and before the first call."""
    code = CODE.format(threads=threads)
    first = assert_prints("[]", code, NUMBA_CACHE_DIR=str(tmp_path))
    built, rest = first.split("built\n")
    assert built.count("compiling kernels") == 1  # those that quantize and pack
    before, after = rest.split("warm\n")
    lines = before.splitlines()
    assert any(line.startswith("qd8: compiled fully_connected in ") for line in lines)
    assert len(lines) == sum(line.startswith("qd8: compiled ") for line in lines)
    assert after == ""
    # The next process finds all of it on disk, so there is nothing to say.
    assert assert_prints("[]", code, NUMBA_CACHE_DIR=str(tmp_path)) == "built\nwarm\n"


@pytest.mark.parametrize("wrong", ["digits.tflite", None, qd8.FullyConnected])
def test_what_is_neither_is_refused(wrong: object) -> None:
    """The error says what was given, a class too, and what is needed."""
    name = wrong.__name__ if isinstance(wrong, type) else type(wrong).__name__
    with pytest.raises(TypeError, match=rf"{name}.*qd8\.Model.*is needed"):
        qd8.warmup(wrong)


def test_a_failure_leaves_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error inside, compiling is announced as it was before."""
    operator = qd8.FullyConnected.from_float(np.ones((3, 5), np.float32))

    def fail() -> None:
        assert cache.listeners
        raise ZeroDivisionError

    monkeypatch.setattr(operator, "warmup", fail)
    with pytest.raises(ZeroDivisionError):
        qd8.warmup(operator)
    assert cache.listeners == []
