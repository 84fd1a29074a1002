"""What LiteRT refuses is refused in its words; the rest says what to do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qd8.interpreter import Interpreter
from tests.checks import assert_same_bits
from tests.interpreter.scripts import (
    ROOT,
    litert,
    opened,
    raised,
)
from tests.tflite import small

ZEROS = np.zeros((2, 3, 32), np.float32)  # the first input of "two_edges"

BEFORE = {
    "invoke": lambda i: i.invoke(),
    "set": lambda i: i.set_tensor(0, ZEROS),
    "set a wrong dtype": lambda i: i.set_tensor(0, ZEROS.astype(np.float64)),
    "get an input": lambda i: i.get_tensor(0),
    "get an output": lambda i: i.get_tensor(5),
    "view": lambda i: i.tensor(5)(),
    "a view of nothing": lambda i: i.tensor(10)(),
    "signature": lambda i: i.get_signature_runner(),
    "unknown signature": lambda i: i.get_signature_runner("serving_default"),
    "empty signature": lambda i: i.get_signature_runner(""),
    "details of nothing": lambda i: i._get_tensor_details(10, 0),
    "details of no subgraph": lambda i: i.get_tensor_details(1),
    "operator": lambda i: i._get_op_details(99),
}
AFTER = {
    "index too large": lambda i: i.get_tensor(10),
    "index below zero": lambda i: i.get_tensor(-1),
    "set index too large": lambda i: i.set_tensor(10, ZEROS),
    "set index below zero": lambda i: i.set_tensor(-1, ZEROS),
    "subgraph": lambda i: i.get_tensor(0, 1),
    "inside": lambda i: i.get_tensor(2),
    "float64": lambda i: i.set_tensor(0, ZEROS.astype(np.float64)),
    "float16": lambda i: i.set_tensor(0, ZEROS.astype(np.float16)),
    "int32": lambda i: i.set_tensor(0, ZEROS.astype(np.int32)),
    "bool": lambda i: i.set_tensor(0, ZEROS.astype(bool)),
    "complex64": lambda i: i.set_tensor(0, ZEROS.astype(np.complex64)),
    "object": lambda i: i.set_tensor(0, ZEROS.astype(object)),
    "string": lambda i: i.set_tensor(0, "zeros"),
    "nothing": lambda i: i.set_tensor(0, None),
    "datetime": lambda i: i.set_tensor(0, ZEROS.astype("M8[s]")),
    "list": lambda i: i.set_tensor(0, ZEROS.tolist()),
    "number": lambda i: i.set_tensor(0, 0.0),
    "rank": lambda i: i.set_tensor(0, ZEROS[0]),
    "0-d": lambda i: i.set_tensor(0, np.float32(0)),
    "batch": lambda i: i.set_tensor(0, ZEROS[:1]),
    "channels": lambda i: i.set_tensor(0, ZEROS[..., :31]),
    "transposed": lambda i: i.set_tensor(0, ZEROS.T),
    "dtype of a constant": lambda i: i.set_tensor(8, np.zeros(8, np.int8)),
    "resize a constant": lambda i: i.resize_tensor_input(8, [9]),
    "resize to 2-d": lambda i: i.resize_tensor_input(0, [[2, 3, 32]]),
    "resize to 0-d": lambda i: i.resize_tensor_input(0, 6),
    "resize strictly": lambda i: i.resize_tensor_input(0, [3, 3, 32], strict=True),
    "resize, then set": lambda i: (
        i.resize_tensor_input(0, [4, 3, 32]),
        i.set_tensor(0, ZEROS),
    ),
    "resize, then set new": lambda i: (
        i.resize_tensor_input(0, [1, 3, 32]),
        i.set_tensor(0, ZEROS[:1]),
    ),
    "resize, then get": lambda i: (
        i.resize_tensor_input(0, [4, 3, 32]),
        i.get_tensor(0),
    ),
    "resize, then invoke": lambda i: (
        i.resize_tensor_input(0, [4, 3, 32]),
        i.invoke(),
    ),
}
# Where LiteRT's words are those of its C++: its type of exception, our words.
OUR_WORDS = {
    "index is a string": lambda i: i.get_tensor("0"),
    "index is a float": lambda i: i.set_tensor(0.5, ZEROS),
    "index is None": lambda i: i.tensor(None)(),
    "resize nothing": lambda i: i.resize_tensor_input(10, [1]),
    "resize below zero": lambda i: i.resize_tensor_input(0, [-1, 3, 32]),
    "resize to words": lambda i: i.resize_tensor_input(0, "ab"),
    "resize to None": lambda i: i.resize_tensor_input(0, None),
    "resize another rank strictly": lambda i: i.resize_tensor_input(0, [3, 32], True),
    "resize to what cannot be": lambda i: (
        i.resize_tensor_input(0, [2, 3, 31]),
        i.allocate_tensors(),
    ),
}


@pytest.mark.parametrize("case", [*BEFORE, *AFTER, *OUR_WORDS])
def test_errors_are_equal(case: str) -> None:
    """A mistake raises the same type; its message is LiteRT's, or begins so."""
    script = {**BEFORE, **AFTER, **OUR_WORDS}[case]
    found = []
    for engine in (litert.Interpreter, Interpreter):
        interpreter = engine(**opened("two_edges"))
        if case not in BEFORE:
            interpreter.allocate_tensors()
        found.append(raised(script, interpreter))
    theirs, ours = found
    assert type(theirs) is type(ours)
    if case not in OUR_WORDS:
        assert str(ours).startswith(str(theirs))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"model_path": ""},
        {"model_content": b""},
        {"model_path": "nowhere.tflite", "model_content": b"x"},
        {"model_path": str(ROOT / "nowhere.tflite")},
        {"model_path": str(ROOT)},
        {"model_path": str(ROOT / "README.md")},
        {"model_path": 3},
        {"model_content": b"garbage!" * 100},
        {"model_content": small.FILES["two_edges"]()[:500]},
        {"model_content": bytearray(small.FILES["two_edges"]())},
        {"model_content": "two_edges"},
        {**opened("two_edges"), "num_threads": 0},
        {**opened("two_edges"), "num_threads": 1.0},
        {**opened("two_edges"), "num_threads": np.int64(2)},
        {**opened("two_edges"), "experimental_op_resolver_type": "AUTO"},
        {**opened("two_edges"), "unknown": 1},
    ],
    ids=repr,
)
def test_constructor_errors_are_equal(arguments: dict[str, Any]) -> None:
    """What cannot be opened raises the same type of exception."""
    ours = raised(lambda make: make(**arguments), Interpreter)
    theirs = raised(lambda make: make(**arguments), litert.Interpreter)
    assert type(theirs) is type(ours)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"x": ZEROS[0]},
        {"x": ZEROS[0], "z": ZEROS[0]},
        {"x": ZEROS[0], "y": ZEROS[0], "z": ZEROS[0]},
        {"x": ZEROS[0], "y": ZEROS[0].astype(np.float64)},
        {"x": ZEROS[0].astype(np.int8), "y": ZEROS[0]},
    ],
    ids=lambda given: " ".join(f"{key}:{x.dtype}" for key, x in given.items()) or "-",
)
def test_signature_errors_are_equal(given: dict[str, np.ndarray]) -> None:
    """A wrong call of a signature raises the same, word by word."""
    theirs, ours = (
        raised(
            lambda run: run(**given),
            engine(**opened("unsorted_names")).get_signature_runner(),
        )
        for engine in (litert.Interpreter, Interpreter)
    )
    assert type(theirs) is type(ours)
    assert str(theirs) == str(ours)


def test_signature_that_does_not_fit_is_refused() -> None:
    """Inputs that cannot be added are a RuntimeError, and the next call runs."""
    for engine in (litert.Interpreter, Interpreter):
        run = engine(**opened("unsorted_names")).get_signature_runner()
        with pytest.raises(RuntimeError):
            run(x=ZEROS[0, :2], y=ZEROS[0])
        assert run(x=ZEROS[0], y=ZEROS[0])["z"].shape == (3, 32)


@pytest.mark.parametrize(
    "part", [lambda x: x, lambda x: x[1:], lambda x: x.ravel()[::2]]
)
@pytest.mark.parametrize("method", ["invoke", "allocate_tensors", "resize"])
def test_a_held_view_is_refused(part: Callable[[Any], Any], method: str) -> None:
    """While a view or a part of one lives, the same methods refuse as in LiteRT."""

    def call(interpreter: Any) -> None:
        if method == "resize":
            interpreter.resize_tensor_input(0, [4, 3, 32])
        else:
            getattr(interpreter, method)()

    texts = []
    for engine in (litert.Interpreter, Interpreter):
        interpreter = engine(**opened("two_edges"))
        interpreter.allocate_tensors()
        held = part(interpreter.tensor(0)())
        error = raised(call, interpreter)
        assert type(error) is RuntimeError
        texts.append(" ".join(str(error).split()))
        interpreter.set_tensor(0, ZEROS)
        interpreter.reset_all_variables()
        interpreter.get_tensor(0)
        del held, error
        call(interpreter)
    assert texts[0] == texts[1]


def test_a_constant_cannot_be_written_to() -> None:
    """Where LiteRT writes to a mapped file, and dies, there is an exception."""
    interpreter = Interpreter(**opened("two_edges"))
    interpreter.allocate_tensors()
    with pytest.raises(ValueError, match="tensor 8 \\('t8'\\) is a constant"):
        interpreter.set_tensor(8, np.zeros(8, np.float32))
    with pytest.raises(ValueError, match="read-only"):
        interpreter.tensor(8)().fill(0)
    judge = litert.Interpreter(**opened("two_edges"))
    for i in (3, 6, 8):
        assert_same_bits(judge.get_tensor(i), interpreter.get_tensor(i))


def test_what_stays_inside_says_how_to_see_it() -> None:
    """A tensor without a buffer names the option that gives it one."""
    interpreter = Interpreter(**opened("two_edges"))
    interpreter.allocate_tensors()
    with pytest.raises(ValueError, match="experimental_preserve_all_tensors"):
        interpreter.get_tensor(2)
