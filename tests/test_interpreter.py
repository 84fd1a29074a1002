"""One script, two engines: `qd8.interpreter` beside `ai_edge_litert.interpreter`.

A script is a function of the class ``Interpreter``. What it returns or raises must be
the same from both: details field by field, shapes, exceptions. Only numbers may differ,
as much as the definitions of the float operators do (docs/numerics.md).
"""

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qd8
from qd8.interpreter import Interpreter, OpResolverType, load_delegate
from tests.checks import assert_same_bits
from tests.tflite import operators, small
from tests.tflite.write import Op, T, write

litert = pytest.importorskip(
    "ai_edge_litert.interpreter", reason="LiteRT is needed: pip install qd8[test]"
)
flatbuffers = pytest.importorskip("flatbuffers")

ROOT = Path(__file__).parents[1]
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


@pytest.mark.parametrize("name", EVERY)
def test_details_are_equal(name: str) -> None:
    """Every record that scripts read is LiteRT's, before and after allocation."""
    ours, theirs = Interpreter(**opened(name)), litert.Interpreter(**opened(name))
    assert_same(theirs.get_tensor_details(), ours.get_tensor_details(), "tensors")
    assert_same(theirs.get_signature_list(), ours.get_signature_list(), "signatures")
    assert_same(theirs._get_ops_details(), ours._get_ops_details(), "operators")
    assert theirs.num_subgraphs() == ours.num_subgraphs()
    ours.allocate_tensors()
    theirs.allocate_tensors()
    found = ours.get_tensor_details()
    # LiteRT appends unnamed temporaries of its kernels, and one of them repeats the
    # scale of a whole weight for each of its channels.
    for one, other in zip(theirs.get_tensor_details(), found, strict=False):
        for key in ("name", "index", "shape", "shape_signature", "dtype"):
            assert_same(one[key], other[key], f"{other['name']}[{key!r}]")
    assert_same(theirs.get_input_details(), ours.get_input_details(), "inputs")
    assert_same(theirs.get_output_details(), ours.get_output_details(), "outputs")


def test_zero_points_are_compressed_alike() -> None:
    """The flag for quantization parameters shows what LiteRT shows."""
    flag = {"experimental_compress_quantization_zero_points": True}
    ours, theirs = (
        engine(**opened("digits_drq"), **flag)
        for engine in (Interpreter, litert.Interpreter)
    )
    assert_same(theirs.get_tensor_details(), ours.get_tensor_details())
    assert ours.experimental_compress_quantization_zero_points is True


@pytest.mark.parametrize("name", EVERY)
def test_answers_are_close(name: str) -> None:
    """A float file answers as LiteRT does; a quantized one is no further from float.

    Integers are equal, float32 files agree to 80 dB. Others: against the same file
    with its weights dequantized, qd8's noise is at most 0.5 dB above LiteRT's.
    """
    seeds = range(2) if name in PATHS and PATHS[name] in MODELS else range(16)
    arguments = opened(name)
    found = answers(Interpreter, seeds, **arguments)
    judged = answers(litert.Interpreter, seeds, **arguments)
    exact = answers(Interpreter, seeds, **arguments, precision="fp32")
    for place in range(len(found[0])):
        assert type(found[0][place]) is type(judged[0][place])  # 0-d: an element
        ours, theirs, float32 = (
            np.stack([run[place] for run in runs]) for runs in (found, judged, exact)
        )
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        if ours.dtype.kind != "f":
            assert_same_bits(theirs, ours)
        elif np.array_equal(ours, float32, equal_nan=True):
            assert_same_bits(np.isfinite(theirs), np.isfinite(ours))
            finite = np.isfinite(theirs)
            assert sqnr(theirs[finite], ours[finite]) >= 80
        else:
            assert sqnr(float32, ours) >= sqnr(float32, theirs) - 0.5


@pytest.mark.parametrize("name", ["digits_drq", "unsorted_names", "open_batch"])
def test_signature_runner_is_equal(name: str) -> None:
    """A signature is a function of its names, for any batch, with the same details."""

    def script(engine: Callable[..., Any]) -> tuple[Any, Any, list]:
        runner = engine(**opened(name)).get_signature_runner()
        details = runner.get_input_details()
        results = []
        for batch in (1, 3, 1):
            shapes = {key: (batch, *d["shape"][1:]) for key, d in details.items()}
            given = {key: smooth(s, i) for i, (key, s) in enumerate(shapes.items())}
            results.append(runner(**given))
        return details, runner.get_output_details(), results

    ours, theirs = script(Interpreter), script(litert.Interpreter)
    assert_same(theirs[:2], ours[:2], "details")
    for one, other in zip(theirs[2], ours[2], strict=True):
        assert list(one) == list(other)
        assert [y.shape for y in one.values()] == [y.shape for y in other.values()]
        assert all(sqnr(one[key], other[key]) >= 20 for key in one)


def test_signature_of_another_subgraph_runs_it() -> None:
    """A signature runs the graph that it names, and its tensors have their own values.

    One addition and one product are rounded once, by IEEE 754: the bits are equal.
    """
    a, b = smooth((2, 3), 0), smooth((2, 3), 1)

    def script(engine: Callable[..., Any]) -> tuple[Any, ...]:
        interpreter = engine(**opened("two_subgraphs"))
        product = interpreter.get_signature_runner("product")
        addition = interpreter.get_signature_runner("serving_default")
        found = product(x=a, y=b), addition(x=b, y=b), interpreter.get_tensor(2, 1)
        details = interpreter.get_tensor_details(1)
        return *found, details, product.get_output_details()

    ours = script(Interpreter)
    assert_same(script(litert.Interpreter), ours)
    assert_same_bits(a * b, ours[0]["z"])


@pytest.mark.parametrize("name", ["digits_fp32", "unsorted_names", "open_batch"])
def test_resize_is_equal(name: str) -> None:
    """Details and answers of another batch are LiteRT's; strict needs a -1."""

    def script(engine: Callable[..., Any]) -> tuple[list, list]:
        interpreter = engine(**opened(name))
        inputs, outputs = interpreter.get_input_details, interpreter.get_output_details
        details = []
        for batch in (3, 3, 2):
            for each in inputs():
                shape = [batch, *each["shape"][1:]]
                strict = name == "open_batch"
                interpreter.resize_tensor_input(each["index"], shape, strict=strict)
            details.append(inputs())
            interpreter.allocate_tensors()
            details.append((inputs(), outputs()))
        for each in inputs():
            interpreter.set_tensor(each["index"], smooth(each["shape"], each["index"]))
        interpreter.invoke()
        return details, [interpreter.get_tensor(each["index"]) for each in outputs()]

    ours, theirs = script(Interpreter), script(litert.Interpreter)
    assert_same(theirs[0], ours[0], "details")
    for one, other in zip(theirs[1], ours[1], strict=True):
        assert one.shape == other.shape
        assert sqnr(one, other) >= 80


@pytest.mark.parametrize("engine", [litert.Interpreter, Interpreter])
def test_resizing_to_the_same_shape_changes_nothing(engine: Any) -> None:
    """What the inputs hold stays, and ``invoke`` needs no further allocation."""
    interpreter = engine(**opened("two_edges"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, smooth((2, 3, 32), 0))
    interpreter.resize_tensor_input(0, (2, 3, 32))
    interpreter.allocate_tensors()
    interpreter.invoke()
    assert_same_bits(smooth((2, 3, 32), 0), interpreter.get_tensor(0))
    interpreter.resize_tensor_input(0, np.array([2, 3, 32]), strict=True)
    interpreter.invoke()


def test_resizing_changes_no_row() -> None:
    """Each row of a batch has the bits that it has alone (C1)."""
    single, batched = (Interpreter(**opened("digits_drq")) for _ in range(2))
    x = smooth((4, 8, 8, 1), 0)
    batched.resize_tensor_input(0, x.shape)
    answer = batched.get_output_details()[0]["index"]
    # Tutorials resize the output too; its shape follows from the input's.
    batched.resize_tensor_input(answer, [4, 10])
    batched.allocate_tensors()
    batched.set_tensor(0, x)
    batched.invoke()
    single.allocate_tensors()
    for row, image in enumerate(x):
        single.set_tensor(0, image[None])
        single.invoke()
        assert_same_bits(single.get_tensor(answer)[0], batched.get_tensor(answer)[row])


def test_views_are_the_tensors() -> None:
    """What is written through ``tensor`` is read by ``invoke``, without a copy."""

    def script(engine: Callable[..., Any]) -> list:
        interpreter = engine(**opened("unsorted_names"))
        interpreter.allocate_tensors()
        a, b, total = (interpreter.tensor(i) for i in (0, 1, 2))
        a()[...] = [[1, 2, 3], [4, 5, 6]]
        b().fill(10)
        interpreter.invoke()
        flags = [a().flags.writeable, a().flags.owndata, a().base is None]
        sums = [total().copy(), interpreter.get_tensor(0), interpreter.get_tensor(3)]
        return [*flags, *sums]

    assert_same(script(litert.Interpreter), script(Interpreter))


@pytest.mark.parametrize("name", ["digits_fp32", "every_operator"])
def test_preserved_tensors_are_close(name: str) -> None:
    """With all tensors preserved each computed one is there, near LiteRT's."""
    preserve = {"experimental_preserve_all_tensors": True, **opened(name)}
    if name == "every_operator":
        preserve["precision"] = "fp32"  # for an equal: LiteRT's reference kernels
    ours = Interpreter(**preserve)
    preserve.pop("precision", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it may need much memory
        theirs = litert.Interpreter(**preserve)
    (given,) = ours.get_input_details()
    for engine in (ours, theirs):
        engine.allocate_tensors()
        engine.set_tensor(given["index"], smooth(given["shape"], 0))
        engine.invoke()
    computed = {int(i) for call in ours._get_ops_details() for i in call["outputs"]}
    assert len(computed) >= 17
    lowest = 80 if name == "digits_fp32" else 15
    for i in sorted(computed):
        one, other = theirs.get_tensor(i), ours.get_tensor(i)
        assert one.shape == other.shape
        assert sqnr(one, other) >= lowest, ours.get_tensor_details()[i]["name"]


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


def test_any_layout_is_copied_in() -> None:
    """Strided, transposed, byte-swapped and read-only arrays give the same bits."""
    x = smooth((2, 3, 32), 0)
    frozen = x.copy()
    frozen.flags.writeable = False
    wide = np.repeat(x, 2, axis=2)
    for given in (x.astype(">f4"), np.asfortranarray(x), wide[..., ::2], frozen):
        interpreter = Interpreter(**opened("two_edges"))
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, given)
        assert_same_bits(x, interpreter.get_tensor(0))


@pytest.mark.parametrize("precision", ["fp32", "qd8-f32", "qd8-f16", "fp16"])
def test_precision_is_that_of_load(precision: str) -> None:
    """The keyword ``precision`` gives `qd8.load`'s bits, inner tensors included."""
    model = qd8.load(PATHS["digits_drq"], precision=precision)
    interpreter = Interpreter(
        str(PATHS["digits_drq"]),
        precision=precision,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    x = smooth((1, 8, 8, 1), 0)
    interpreter.set_tensor(0, x)
    interpreter.invoke()
    expected = model.run({"image": x}, keep="all")
    answer = interpreter.get_output_details()[0]["index"]
    assert_same_bits(expected["logits"], interpreter.get_tensor(answer))
    inner = interpreter._get_ops_details()[3]["outputs"][0]
    name = interpreter.get_tensor_details()[inner]["name"]
    kept = expected[name].astype(np.float32)
    assert_same_bits(kept, interpreter.get_tensor(int(inner)))


def test_threads_are_the_interpreters_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """``num_threads`` holds during ``invoke`` only, and changes no bit."""
    run, seen = qd8.Model.run, []

    def watched(*arguments: Any, **keywords: Any) -> Any:
        seen.append(qd8.get_num_threads())
        return run(*arguments, **keywords)

    monkeypatch.setattr(qd8.Model, "run", watched)
    with qd8.threads(3):
        one, two, default = (
            answers(Interpreter, range(1), **opened("two_edges"), num_threads=n)
            for n in (1, 2, None)
        )
        assert qd8.get_num_threads() == 3
    assert seen == [1, 2, 3]
    assert_same(one, two)
    assert_same(one, default)


@pytest.mark.parametrize("kinds", [OpResolverType, litert.OpResolverType])
def test_every_resolver_is_the_same(kinds: Any) -> None:
    """Both enumerations are understood; there is one answer."""
    found = [
        answers(
            Interpreter,
            range(1),
            **opened("two_edges"),
            experimental_op_resolver_type=kind,
        )
        for kind in kinds
    ]
    assert len(found) == 4
    for each in found[1:]:
        assert_same(found[0], each)


def test_delegates_are_refused() -> None:
    """There are none; a script that tries one falls back as LiteRT's own does."""
    with pytest.raises(ValueError, match="Failed to load delegate"):
        load_delegate("libedgetpu.so.1")
    with pytest.raises(ValueError, match="no delegates"):
        Interpreter(**opened("two_edges"), experimental_delegates=[object()])
    assert Interpreter(**opened("two_edges"), experimental_delegates=[])
