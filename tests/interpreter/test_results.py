"""Details, answers, signatures, resizing and views are those of LiteRT."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qd8.interpreter import Interpreter
from tests.checks import assert_same_bits
from tests.interpreter.scripts import (
    EVERY,
    MODELS,
    PATHS,
    answers,
    assert_same,
    litert,
    opened,
    smooth,
    sqnr,
)


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
