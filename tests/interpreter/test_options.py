"""Layouts of arrays, precision, threads, resolvers and delegates."""

from typing import Any

import numpy as np
import pytest

import qd8
from qd8.interpreter import Interpreter, OpResolverType, load_delegate
from tests.checks import assert_same_bits
from tests.interpreter.scripts import (
    PATHS,
    answers,
    assert_same,
    litert,
    opened,
    smooth,
)


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
