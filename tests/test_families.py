"""The families hold what they are named for: a tie that is no tie tests nothing.

Most numbers here are measured shares, asserted well below what they are.
"""

from collections.abc import Callable

import numpy as np
import pytest
from qd8_reference import quantize_rows
from qd8_reference.fma import TINY_BELOW, fma

from tests import families
from tests.judgement import reference_steps
from tests.problems import (
    NON_FINITE,
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)
from tests.strategies import HALF

F32 = np.float32
FLOAT = np.dtype(np.float32)


def rows(family: str, R: int = 400, L: int = 20) -> np.ndarray:
    """Return many rows of a family."""
    return families.ROWS[family](np.random.default_rng(1), R, L, np.float32)


def parameters(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return rmin, rmax and multiplier of each row, by R5 and R6."""
    low, high = np.minimum(x.min(axis=1), 0), np.maximum(x.max(axis=1), 0)
    with np.errstate(all="ignore"):
        return low, high, F32(255) / (high - low)


def test_value_ties() -> None:
    """Most products with the multiplier end in exactly .5."""
    x = rows("value_tie")
    products = x * parameters(x)[2][:, None]
    assert (np.abs(products % 1) == 0.5).mean() > 0.5


def test_zero_point_ties() -> None:
    """The zero point is exactly halfway before it is rounded."""
    low, _, multiplier = parameters(rows("zero_point_tie"))
    assert (np.abs(low * multiplier % 1) == 0.5).mean() > 0.9


def test_zero_points_of_both_ends_differ() -> None:
    """Minimum and maximum imply different zero points, and each is right at times."""
    x = rows("zero_point_branch")
    low, high, multiplier = parameters(x)
    from_min = np.rint(F32(-128) - low * multiplier)
    from_max = np.rint(F32(127) - high * multiplier)
    assert (from_min != from_max).all()
    right = quantize_rows(x).zero_point == from_min
    assert 0.2 < right.mean() < 0.8


def test_two_values_are_the_ends_of_the_steps() -> None:
    """Nothing lies between, so products with extreme weights are the largest."""
    values = quantize_rows(rows("two_valued")).values
    assert set(np.unique(values)) <= {-128, -127, 127}
    assert (values == 127).any()
    assert (values == -128).any()


def test_subnormal_elements() -> None:
    """Elements that would round to a step, in rows whose scale is not 0."""
    x = rows("subnormal")
    tiny = np.abs(x) < 2.0**-126
    steps = np.abs(x * parameters(x)[2][:, None])
    assert (tiny & (steps > 0.5)).any(axis=1).mean() > 0.5
    assert (quantize_rows(x).scale > 0).mean() > 0.5


def test_flushed_ranges() -> None:
    """All three regimes: multiplier infinite, scale flushed, scale normal."""
    x = rows("flushed_range")
    multiplier, scale = parameters(x)[2], quantize_rows(x).scale
    infinite = np.isinf(multiplier).mean()
    flushed = ((scale == 0) & np.isfinite(multiplier)).mean()
    assert min(infinite, flushed, (scale > 0).mean()) > 0.05


def test_huge_rows() -> None:
    """Close to the largest range that there is, and finite."""
    low, high, _ = parameters(rows("huge"))
    width = high.astype(np.float64) - low
    assert (width > 0.99 * np.finfo(np.float32).max).all()
    assert np.isfinite(high - low).all()


@pytest.mark.parametrize("L", [1, 2, 20])
def test_non_finite_rows(L: int) -> None:
    """Some rows have no finite range, most often not all of them."""
    bad = np.isnan(quantize_rows(rows(NON_FINITE, L=L)).scale)
    assert 0.3 < bad.mean() < 0.95


def test_fma_ties() -> None:
    """Nearly every output is one that float64 rounds to the wrong neighbour."""
    wrong = []
    for seed in range(50):
        problem = FullyConnectedProblem.generate(seed, "fma_tie")
        steps = reference_steps(problem)
        t = steps.accumulator.astype(np.float32) * steps.scale[:, None]
        exact = fma(t, problem.weight_scale, problem.bias)
        double = np.multiply(t, problem.weight_scale, dtype=np.float64) + problem.bias
        wrong.append((exact != double.astype(np.float32)).mean())
    assert np.mean(wrong) > 0.9


def test_flushed_results() -> None:
    """Both sides of the threshold, and the strip that rounds to a normal number."""
    exact = []
    for seed in range(100):
        problem = FullyConnectedProblem.generate(seed, "flushed_result")
        steps = reference_steps(problem)
        t = steps.accumulator.astype(np.float64) * steps.scale[:, None]
        bias = np.where(np.abs(problem.bias) < 2.0**-126, 0, problem.bias)
        exact.append(np.abs(t * problem.weight_scale + bias.astype(np.float64)).ravel())
    value = np.concatenate(exact)
    near = np.abs(value / 2.0**-126 - 1) < 2.0**-20
    assert near.mean() > 0.5
    assert (near & (value < TINY_BELOW)).mean() > 0.1
    assert (near & (value >= 2.0**-126)).mean() > 0.1
    # Flushed although below 2^-126 only by less than a subnormal's rounding shows.
    strip = (value >= 2.0**-126 - 2.0**-150) & (value < TINY_BELOW)
    assert strip.any()
    assert ((value >= TINY_BELOW) & (value < 2.0**-126)).any()


def test_half_ties() -> None:
    """Outputs halfway between two float16, infinite ones and subnormals among them."""
    outputs, ties = [], 0
    for seed in range(50):
        problem = FullyConnectedProblem.generate(seed, "half_tie", dtype=HALF)
        wide = reference_steps(
            FullyConnectedProblem(
                problem.x.astype(np.float32),
                *problem.arguments.values(),
                family="half_tie",
                seed=seed,
            )
        ).output.ravel()
        outputs.append(reference_steps(problem).output.ravel())
        with np.errstate(over="ignore"):
            here = wide.astype(np.float16).astype(np.float64)
        near = np.abs(wide) < 60000
        other = 2.0 * wide[near] - here[near]
        with np.errstate(over="ignore"):
            is_tie = other.astype(np.float16) == other
        ties += int((is_tie & (other != here[near])).sum())
    output = np.concatenate(outputs)
    assert ties > 0.3 * output.size
    assert np.isinf(output).any()
    assert ((output != 0) & (np.abs(output) < 2.0**-14)).any()


@pytest.mark.parametrize("builder", [FullyConnectedProblem, ConvProblem])
def test_accumulators_wrap(builder: type) -> None:
    """The exact sums of "wrap" do not fit int32, or come close to its ends."""
    wrapped = 0
    for seed in range(8):
        problem = builder.generate(seed, "wrap")
        steps = reference_steps(problem)
        M = len(problem.x)
        values = steps.values.reshape(M, -1).astype(np.int64)
        values -= steps.zero_point.reshape(M, 1)
        weight = problem.weight.reshape(len(problem.weight), -1).astype(np.int64)
        wrapped += int((np.abs(values @ weight.T) >= 2**31).sum())
    assert wrapped >= 8


@pytest.mark.parametrize("dtype", [FLOAT, HALF], ids=str)
@pytest.mark.parametrize(
    ("builder", "names"),
    [
        (FullyConnectedProblem, fully_connected_families),
        (ConvProblem, conv_families),
    ],
)
def test_problems_are_reproducible(
    builder: type, names: Callable, dtype: np.dtype
) -> None:
    """The same seed and family give the same numbers; only NON_FINITE lacks a range."""
    for family in (*names(dtype), NON_FINITE):
        once, again = (builder.generate(5, family, dtype=dtype) for _ in range(2))
        assert once.x.tobytes() == again.x.tobytes()
        assert once.weight.tobytes() == again.weight.tobytes()
        assert repr(once) == repr(again)
        assert "seed=5" in repr(once)
        assert family in repr(once)
        assert once.x.dtype == dtype
        finite = np.isfinite(reference_steps(once).scale).all()
        assert finite == (family != NON_FINITE)
