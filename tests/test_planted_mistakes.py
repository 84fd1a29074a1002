"""The tests can fail: plausible mistakes, planted in a copy of the reference.

Each is a replacement in the source of a copied package; that the text was found is
asserted, so a mistake cannot silently stop being planted. It must then be caught by
a comparison that the suite itself makes, on the suite's own fixed problems.
Source: litert-bits §3, and the variants next to them.
"""

import importlib
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
import qd8_reference

from tests.checks import assert_same_bits
from tests.judgement import (
    Problem,
    assert_reference_is_litert,
    assert_same_steps,
    litert_judges,
    litert_options,
    reference_output,
    reference_steps,
)
from tests.problems import (
    NON_FINITE,
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)
from tests.strategies import HALF

# A subset of the seeds of tests/reference/test_litert.py.
SEEDS = range(12)


class Mistake(NamedTuple):
    """A replacement in one source file, and the problem kinds that must catch it."""

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...] = ("fc", "conv")


EXACT = "exact = _sum_to_odd(a, b, c)"
VALUES = "np.rint(steps) + zero_point[:, None]"
MISTAKES = (
    Mistake(
        "multiply, then add",
        "fma.py",
        EXACT,
        "exact = (a * b + c).astype(np.float64)",
    ),
    Mistake(
        "accumulator times the product of the scales",
        "epilogue.py",
        "y = fma_flushed(t, weight_scale, bias)",
        "y = fma_flushed(accumulator.astype(np.float32), scale * weight_scale, bias)",
    ),
    Mistake(
        "float64 expression, then cast",
        "fma.py",
        EXACT,
        "exact = np.multiply(a, b, dtype=np.float64) + c",
    ),
    Mistake(
        "scale is range / 255",
        "quantize.py",
        "scale = reciprocal_flushed(multiplier)",
        "scale = flush(np.where(rmin == rmax, 1, extent / 255).astype(np.float32))",
    ),
    Mistake(
        "values rounded half away",
        "quantize.py",
        VALUES,
        "np.trunc(steps + np.copysign(np.float32(0.5), steps)) + zero_point[:, None]",
    ),
    Mistake(
        "zero point added before rounding",
        "quantize.py",
        VALUES,
        "np.rint(steps + zero_point[:, None])",
    ),
    Mistake(
        "zero point rounded half away",
        "quantize.py",
        "zero_point = np.rint(np.minimum(np.maximum(z, np.float32(-128)), "
        "np.float32(127)))",
        "z = z + np.copysign(np.float32(0.5), z)\n"
        "    zero_point = np.trunc(np.clip(z, -128, 127))",
    ),
    Mistake(
        "zero point always from the minimum",
        "quantize.py",
        "np.where(from_min, np.float32(-128) - dmin, np.float32(127) - dmax)",
        "np.float32(-128) - dmin",
    ),
    Mistake(
        "subnormal inputs kept",
        "quantize.py",
        "row = flush(widen(x))",
        "row = widen(x)",
    ),
    Mistake(
        "subnormal scale kept",
        "quantize.py",
        "scale = reciprocal_flushed(multiplier)",
        "scale = np.float32(1) / multiplier",
    ),
    Mistake(
        "subnormal bias kept",
        "arguments.py",
        "return flush(bias)",
        "return bias",
    ),
    Mistake(
        "subnormal result kept",
        "fma.py",
        EXACT + "\n        tiny = np.abs(exact) < TINY_BELOW",
        EXACT + "\n        tiny = exact == 0",
    ),
    Mistake(
        "tininess decided before rounding",
        "fma.py",
        "TINY_BELOW = 2.0**-126 - 2.0**-151",
        "TINY_BELOW = 2.0**-126",
    ),
    Mistake(
        "tininess decided on the rounded float32",
        "fma.py",
        EXACT + "\n        tiny = np.abs(exact) < TINY_BELOW",
        EXACT + "\n        tiny = np.abs(exact.astype(np.float32)) < SMALLEST_NORMAL",
    ),
    Mistake(
        "accumulator saturates",
        "accumulator.py",
        "return sums.astype(np.int32)",
        "return np.clip(sums, -(2**31), 2**31 - 1).astype(np.int32)",
    ),
    Mistake(
        "1x1 convolution quantized per image",
        "operators/conv2d.py",
        "if per_pixel:",
        "if False:",
        ("conv",),
    ),
    Mistake(
        "1 to 1 channel convolution quantized per pixel",
        "operators/conv2d.py",
        "and (x.shape[3], channels) != (1, 1)",
        "and True",
        ("conv",),
    ),
    Mistake(
        "float16 multiplier not rounded to float16",
        "quantize.py",
        "multiplier = multiplier.astype(np.float16).astype(np.float32)",
        "pass",
        ("conv16",),
    ),
    Mistake(
        "scale from the rounded float16 multiplier",
        "quantize.py",
        "scale = reciprocal_flushed(multiplier)",
        "scale = reciprocal_flushed(multiplier.astype(np.float16).astype(np.float32)"
        " if f16_multiplier else multiplier)",
        ("conv16",),
    ),
    Mistake(
        "float16 output rounded towards zero",
        "float16.py",
        "stored: Float = y.astype(dtype)",
        "stored: Float = y.astype(dtype)\n"
        "        big = np.abs(stored.astype(np.float32)) > np.abs(y)\n"
        "        stored = np.where(big, np.nextafter(stored, dtype.type(0)), stored)",
        ("fc16", "conv16"),
    ),
)


def problems(kind: str) -> Iterator[Problem]:
    """Walk over the fixed problems that tests/reference/test_litert.py judges."""
    dtype = HALF if kind.endswith("16") else np.dtype(np.float32)
    if kind.startswith("fc"):
        builder, families = FullyConnectedProblem, fully_connected_families(dtype)
    else:
        builder, families = ConvProblem, conv_families(dtype)
    for seed in SEEDS:
        for family in families:
            problem = builder.generate(seed, family, dtype=dtype)
            if litert_judges(problem):
                yield problem


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Return a function that imports a copy of the reference with one change."""
    monkeypatch.syspath_prepend(tmp_path)

    def planted(file: str, old: str, new: str) -> ModuleType:
        source = Path(qd8_reference.__file__).parent
        ignore = shutil.ignore_patterns("__pycache__")
        copy = shutil.copytree(source, tmp_path / "planted_reference", ignore=ignore)
        text = (copy / file).read_text()
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        (copy / file).write_text(text.replace(old, new))
        return importlib.import_module("planted_reference")

    yield planted
    for name in [name for name in sys.modules if name.startswith("planted_reference")]:
        del sys.modules[name]


def is_caught(compare: object, problem: Problem) -> bool:
    """Whether a comparison of the suite fails on a problem."""
    try:
        compare(problem)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_is_caught_by_the_reference(mistake: Mistake, plant) -> None:
    """A kernel with this mistake would differ from the reference, for each kind."""
    wrong = plant(mistake.file, mistake.old, mistake.new)

    def compare(problem: Problem) -> None:
        options = litert_options(problem)
        expected = reference_output(problem, **options)
        assert_same_bits(expected, reference_output(problem, wrong, **options))

    for kind in mistake.caught_by:
        assert any(is_caught(compare, p) for p in problems(kind)), kind


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_is_caught_by_litert(mistake: Mistake, plant) -> None:
    """A reference with this mistake would differ from XNNPACK, for each kind."""
    pytest.importorskip("tests.litert", exc_type=ImportError)
    wrong = plant(mistake.file, mistake.old, mistake.new)

    def compare(problem: Problem) -> None:
        assert_reference_is_litert(problem, wrong)

    for kind in mistake.caught_by:
        assert any(is_caught(compare, p) for p in problems(kind)), kind


@pytest.mark.parametrize("builder", [FullyConnectedProblem, ConvProblem])
def test_rows_without_a_range_need_their_rule(builder, plant) -> None:
    """Without R10 a non-finite row is not all NaN, and outputs show it."""
    rule = "finite = np.isfinite(row).all(axis=1) &"
    wrong = plant("quantize.py", rule, "finite = True |")
    caught = 0
    for seed in SEEDS:
        problem = builder.generate(seed, NON_FINITE)
        expected = reference_steps(problem)
        caught += is_caught(
            lambda problem, expected=expected: assert_same_bits(
                expected.output, reference_output(problem, wrong)
            ),
            problem,
        )
    assert caught >= len(SEEDS) // 2


@pytest.mark.parametrize("kind", ["fc", "conv"])
def test_steps_catch_an_accumulator_that_no_output_shows(kind: str, plant) -> None:
    """An accumulator wrong by one where float32 cannot hold it is seen in the steps."""
    wrong = plant(
        "accumulator.py",
        "return sums.astype(np.int32)",
        "low = sums.astype(np.int32)\n"
        "    return low + ((np.abs(low) >= 1 << 28) & (low % 64 == 0))",
    )
    caught = 0
    for problem in problems(kind):
        expected, actual = reference_steps(problem), reference_steps(problem, wrong)
        assert_same_bits(expected.output, actual.output)
        caught += is_caught(
            lambda problem, expected=expected, actual=actual: assert_same_steps(
                problem, expected, actual
            ),
            problem,
        )
    assert caught > 0


def test_an_unchanged_copy_is_not_caught(plant) -> None:
    """The comparisons are not failing for another reason than the mistake."""
    same = plant("fma.py", EXACT, EXACT)
    for kind in ("fc", "conv", "fc16", "conv16"):
        for problem in problems(kind):
            options = litert_options(problem)
            expected = reference_output(problem, **options)
            assert_same_bits(expected, reference_output(problem, same, **options))
