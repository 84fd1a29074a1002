"""One script, two engines: `qd8.interpreter` beside `ai_edge_litert.interpreter`.

A script is a function of the class ``Interpreter``. What it returns or raises must be
the same from both: details field by field, shapes, exceptions. Only numbers may differ,
as much as the definitions of the float operators do (docs/numerics.md).
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checks import assert_same_bits
from tests.tflite import operators, small
from tests.tflite.write import Op, T, write

litert = pytest.importorskip(
    "ai_edge_litert.interpreter", reason="LiteRT is needed: pip install qd8[test]"
)
flatbuffers = pytest.importorskip("flatbuffers")

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "qd8/data/digits"
MODELS = [
    path
    for path in sorted((ROOT.parent / "shared/models").glob("*.tflite"))
    if "int8" not in path.stem  # full integer: refused, in tests/graph/test_build.py
]
PATHS = {path.stem: path for path in (*sorted(DIGITS.glob("*.tflite")), *MODELS)}


def unsorted_names() -> bytes:
    """Names of a signature in another order than the tensors, and than the alphabet."""
    tensors = [T((2, 3), name=name) for name in ("b", "a", "sum", "difference")]
    calls = [Op("ADD", [0, 1], [2]), Op("SUB", [0, 1], [3])]
    names = {"y": 1, "x": 0}, {"z": 2, "m": 3}
    return write(tensors, calls, [0, 1], [2, 3], names)


def scalar() -> bytes:
    """A 0-d tensor, one without a name, and a constant that nobody reads."""
    unused = T((2,), "INT8", np.zeros(2, np.int8), [1.0, 2.0], [0, 0])
    tensors = [T((), name="x"), T((), name=""), unused]
    return write(tensors, [Op("ADD", [0, 0], [1])], [0], [1])


def changed(content: bytes, change: Callable[[Any, Any], None]) -> bytes:
    """Return a file after a change of its records, as LiteRT's schema has them."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    change(model, schema)
    builder = flatbuffers.Builder(len(content) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def open_batch() -> bytes:
    """A file whose signature of shapes leaves the first extent open."""

    def change(model: Any, schema: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]

    return changed(unsorted_names(), change)


def two_subgraphs() -> bytes:
    """Two graphs, one signature for each; the second one multiplies."""

    def change(model: Any, schema: Any) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MUL
        model.operatorCodes.append(code)
        second = copy.deepcopy(model.subgraphs[0])
        call = second.operators[0]
        call.opcodeIndex = len(model.operatorCodes) - 1
        call.builtinOptionsType = schema.BuiltinOptions.MulOptions
        call.builtinOptions = schema.MulOptionsT()
        for tensor in second.tensors:
            tensor.name = b"second/" + tensor.name
        model.subgraphs.append(second)
        model.signatureDefs.append(copy.deepcopy(model.signatureDefs[0]))
        model.signatureDefs[1].signatureKey = b"product"
        model.signatureDefs[1].subgraphIndex = 1

    return changed(unsorted_names(), change)


SMALL = {
    **small.FILES,
    **operators.FILES,
    "unsorted_names": unsorted_names,
    "scalar": scalar,
    "open_batch": open_batch,
    "two_subgraphs": two_subgraphs,
}
EVERY = [*PATHS, *SMALL]


def opened(name: str) -> dict[str, Any]:
    """Return the arguments of the constructor that open a file."""
    if name in PATHS:
        return {"model_path": str(PATHS[name])}
    return {"model_content": SMALL[name]()}


def drawn(details: dict[str, Any], seed: int) -> np.ndarray:
    """Draw a value for an input: waves, small integers or truth values."""
    shape, dtype = details["shape"], details["dtype"]
    if np.issubdtype(dtype, np.floating):
        return smooth(shape, seed).astype(dtype)
    top = 2 if dtype is np.bool_ else 4  # an index of every table here
    return np.random.default_rng(seed).integers(0, top, shape).astype(dtype)


def smooth(shape: Any, seed: int) -> np.ndarray:
    """Draw a sum of three waves in [-1, 1], as images and activations are."""
    rng = np.random.default_rng(seed)
    at = np.indices(tuple(shape)).reshape(len(shape), int(np.prod(shape)))
    total = np.zeros(at.shape[1])
    for _ in range(3):
        waves = rng.uniform(-0.3, 0.3, len(shape))
        total += np.sin(waves @ at + rng.uniform(0, 2 * np.pi)) / 3
    return total.reshape(tuple(shape)).astype(np.float32)


def sqnr(exact: np.ndarray, found: np.ndarray) -> float:
    """Return the signal to noise ratio in dB, powers summed over everything."""
    exact = exact.astype(np.float64)
    noise = np.square(found - exact).sum()
    if not noise:
        return np.inf
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.square(exact).sum() / noise))


def answers(engine: Callable[..., Any], seeds: range, **arguments: Any) -> list:
    """Run a file as the documentation of LiteRT says: the script of all scripts."""
    interpreter = engine(**arguments)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for seed in seeds:
        for place, each in enumerate(inputs):
            value = drawn(each, 100 * seed + place)
            interpreter.set_tensor(each["index"], value)
        interpreter.invoke()
        found.append([interpreter.get_tensor(each["index"]) for each in outputs])
    return found


def assert_same(expected: Any, actual: Any, what: str = "result") -> None:
    """Raise unless two nests of dicts, lists, arrays and values are the same."""
    assert type(expected) is type(actual), f"{what}: {expected!r}, {actual!r}"
    if isinstance(expected, dict):
        assert list(expected) == list(actual), what
        for key, value in expected.items():
            assert_same(value, actual[key], f"{what}[{key!r}]")
    elif isinstance(expected, (list, tuple)):
        assert len(expected) == len(actual), what
        for i, (one, other) in enumerate(zip(expected, actual, strict=True)):
            assert_same(one, other, f"{what}[{i}]")
    elif isinstance(expected, np.ndarray):
        assert_same_bits(expected, actual, what)
    else:
        assert expected == actual, what


def raised(script: Callable[[Any], Any], interpreter: Any) -> Exception:
    """Return what a script raises."""
    with pytest.raises(Exception) as error:  # noqa: PT011  its type is the question
        script(interpreter)
    return error.value
