"""SUM, REDUCE_MAX, ARG_MAX and CUMSUM against the definition (R22, R35)."""

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import float_reduce, float_sum
from tests.checks import assert_same_bits
from tests.kernels.float_values import anything, output, run
from tests.kernels.test_float_moves import AXES

NUMBERS = [np.float32, np.float16, np.int32, np.int64]


@pytest.fixture(params=NUMBERS, ids=lambda dtype: np.dtype(dtype).name)
def number(request):
    """The dtypes that can be reduced."""
    return request.param


def check(name, x, **options):
    """Compare an operator with its definition, whose warnings are part of it."""
    threads = options.pop("threads")
    dtype = options.pop("out", {})
    with np.errstate(all="ignore"):
        expected = getattr(qd8_reference, name)(x, **options, **dtype)
    out = output(expected.shape, expected.dtype)
    calls = getattr(float_reduce, f"bind_{name}")(x, out, **options, threads=threads)
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("name", ["sum", "reduce_max"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 5, 3, 50)])
def test_axes(isa, number, threads, name, shape):
    """All sets of axes: many kept columns, few, and none."""
    x = anything(1, *shape, dtype=number)
    for axes in [*AXES, (-2, 1)]:
        check(name, x, axes=axes, threads=threads)


@pytest.mark.parametrize("name", ["sum", "reduce_max"])
@pytest.mark.parametrize("axes", [(0,), (1,)])
def test_lengths(isa, number, name, axes):
    """Every rest of the lanes; rows of negative numbers and of zeros."""
    for n in [1, 2, 15, 16, 17, 32, 33, 333]:
        x = anything(2, n, n, dtype=number)
        x[0], x[:, 0] = -np.abs(x[0]), 0
        x[-1] = -np.zeros(n, number)
        check(name, x, axes=axes, threads=1)


@pytest.mark.parametrize("place", [0, 7, 16, 40])
def test_one_nan_wins(isa, dtype, place):
    """Wherever it stands, in its own row only."""
    x = np.zeros((3, 41), dtype)
    x[1, place] = np.nan
    for axes in [(0,), (1,)]:
        check("reduce_max", x, axes=axes, threads=1)


@pytest.mark.parametrize("wide", [np.int32, np.int64])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_arg_max(number, threads, wide, axis):
    """Random elements; the first of many equal ones."""
    x = anything(3, 4, 21, 6, dtype=number)
    check("arg_max", x, axis=axis, out={"dtype": wide}, threads=threads)
    few = np.asarray(np.random.default_rng(4).integers(-1, 2, x.shape), number)
    few = np.negative(few) if np.dtype(number).kind == "f" else few  # -0.0 too
    check("arg_max", few, axis=axis, out={"dtype": wide}, threads=threads)


def test_arg_max_of_extremes(dtype):
    """Infinities, and the first NaN before the larger ones."""
    nan, inf = np.nan, np.inf
    rows = [[0, inf, inf], [-inf, -inf, -inf], [1, nan, nan], [nan, inf, 0]]
    check("arg_max", np.array(rows, dtype), axis=1, threads=1)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumsum(isa, number, threads, exclusive, reverse, axis):
    """One chain from +0.0, from either end; sums wrap or overflow."""
    x = anything(5, 5, 7, 18, dtype=number)
    options = {"exclusive": exclusive, "reverse": reverse}
    check("cumsum", x, axis=axis, **options, threads=threads)
    zeros = np.negative(np.zeros_like(x))
    check("cumsum", zeros, axis=axis, **options, threads=threads)


@pytest.mark.parametrize("tasks", [2, 3, 5])
@pytest.mark.parametrize("channels", [16, 64, 101, 300])
def test_sums_that_tasks_hand_on(isa, dtype, tasks, channels):
    """Rows of an image in shares, the same call again and again; R22's one chain."""
    size = (1, 7, -(-tasks * float_sum.GRAIN // (7 * channels)), channels)
    x = anything(4, *size, dtype=dtype)
    out = output((channels,), x.dtype)
    (call,) = float_reduce.bind_mean(x, out, axes=(1, 2), threads=tasks)
    assert call.tasks == tasks
    for turn in range(4):
        x[:] = anything(turn, *size, dtype=dtype)
        with np.errstate(all="ignore"):
            expected = qd8_reference.mean(x, axes=(1, 2))
        assert_same_bits(expected[0], run([call], out))
