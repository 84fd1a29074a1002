"""C1: threads, batches, splits and memory layouts never change a bit."""

import numpy as np
import pytest

import qd8
from tests.checks import assert_same_bits
from tests.judgement import assert_same_steps, layer, reference_output, reference_steps
from tests.problems import ConvProblem, FullyConnectedProblem
from tests.strategies import HALF

# More rows, columns and depth than any tile, none a multiple of one.
LARGE = {"M": 131, "N": 197, "K": 263}
DTYPES = pytest.mark.parametrize("dtype", [np.dtype(np.float32), HALF], ids=str)


def large_conv(dtype: np.dtype) -> ConvProblem:
    """Return a convolution with work for several threads."""
    rng = np.random.default_rng(11)
    return ConvProblem(
        x=rng.standard_normal((3, 19, 23, 13)).astype(dtype),
        weight=rng.integers(-127, 128, (67, 3, 3, 13)).astype(np.int8),
        weight_scale=rng.uniform(1e-4, 1e-2, 67).astype(np.float32),
        bias=rng.standard_normal(67).astype(np.float32),
        activation="relu6",
        family="large",
        seed=11,
    )


@DTYPES
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_do_not_change_fully_connected(
    isa: str, dtype: np.dtype, threads: int
) -> None:
    """Any number of threads gives the reference's output and steps."""
    for M in (1, 5, LARGE["M"]):
        problem = FullyConnectedProblem.generate(
            2, "gaussian", dtype=dtype, **{**LARGE, "M": M}
        )
        with qd8.threads(threads):
            operator = layer(problem)
            output, steps = operator(problem.x), operator.steps(problem.x)
        expected = reference_steps(problem)
        assert_same_bits(expected.output, output)
        assert_same_steps(problem, expected, steps)


@DTYPES
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_do_not_change_conv2d(isa: str, dtype: np.dtype, threads: int) -> None:
    """Any number of threads gives the reference's output and steps."""
    problem = large_conv(dtype)
    with qd8.threads(threads):
        operator = layer(problem)
        output, steps = operator(problem.x), operator.steps(problem.x)
    expected = reference_steps(problem)
    assert_same_bits(expected.output, output)
    assert_same_steps(problem, expected, steps)


@DTYPES
def test_rows_alone_are_the_rows_of_the_batch(isa: str, dtype: np.dtype) -> None:
    """A split at every place near a tile's edge gives the batch's rows."""
    sizes = {"M": 67, "N": 33, "K": 65}
    problem = FullyConnectedProblem.generate(3, "gaussian", dtype=dtype, **sizes)
    operator = layer(problem)
    together = operator(problem.x)
    for cut in (1, 2, 5, 6, 7, 11, 12, 13, 15, 16, 17, 31, 32, 33, 66):
        parts = [operator(problem.x[:cut]), operator(problem.x[cut:])]
        assert_same_bits(together, np.concatenate(parts), f"cut at {cut}")


@DTYPES
def test_a_bad_row_does_not_touch_its_neighbours(isa: str, dtype: np.dtype) -> None:
    """A NaN in any row of a tile leaves every other row as it is."""
    sizes = {"M": 17, "N": 35, "K": 19}
    problem = FullyConnectedProblem.generate(4, "gaussian", dtype=dtype, **sizes)
    operator = layer(problem)
    clean = operator(problem.x)
    for row in range(17):
        x = problem.x.copy()
        x[row, row % 19] = (np.nan, np.inf, -np.inf)[row % 3]
        expected = clean.copy()
        expected[row] = np.nan
        assert_same_bits(expected, operator(x), f"row {row}")


@DTYPES
def test_images_alone_are_the_images_of_the_batch(isa: str, dtype: np.dtype) -> None:
    """An image's result does not depend on the other images."""
    problem = large_conv(dtype)
    operator = layer(problem)
    together = operator(problem.x)
    for n in range(3):
        assert_same_bits(together[n : n + 1], operator(problem.x[n : n + 1].copy()))


@pytest.mark.parametrize("memory", ["fast", "small"])
def test_memory_policy_does_not_change_a_bit(isa: str, memory: str) -> None:
    """However the weights are packed, the answer is the same."""
    problems = (
        large_conv(np.dtype(np.float32)),
        FullyConnectedProblem.generate(5, "extreme_weights", M=9, N=65, K=255),
    )
    for problem in problems:
        with qd8.options(memory=memory):
            actual = layer(problem)(problem.x)
        assert_same_bits(reference_output(problem), actual)


@pytest.mark.parametrize("leading", [(), (1,), (2, 3), (2, 1, 3)])
def test_leading_axes(isa: str, leading: tuple[int, ...]) -> None:
    """x (..., K) gives (..., N), steps shaped likewise."""
    problem = FullyConnectedProblem.generate(6, "gaussian", M=1, N=5, K=9)
    x = np.random.default_rng(6).standard_normal((*leading, 9)).astype(np.float32)
    actual = layer(problem).steps(x)
    from qd8_reference import fully_connected_steps

    expected = fully_connected_steps(x, **problem.arguments)
    assert_same_steps(problem, expected, actual)


def test_an_empty_batch_is_an_empty_answer(isa: str) -> None:
    """No rows, no images: nothing to compute, and nothing refused."""
    problem = FullyConnectedProblem.generate(6, "gaussian", M=1, N=5, K=9)
    assert layer(problem)(np.empty((0, 9), np.float32)).shape == (0, 5)
    assert layer(problem)(np.empty((3, 0, 9), np.float16)).shape == (3, 0, 5)


@pytest.mark.parametrize("make", [FullyConnectedProblem.generate, ConvProblem.generate])
def test_layouts_of_x(isa: str, make) -> None:
    """Fortran-ordered, strided and read-only input gives the same bits."""
    problem = make(7, "gaussian")
    operator, x = layer(problem), problem.x
    expected = reference_output(problem)
    frozen = x.copy()
    frozen.flags.writeable = False
    strided = np.repeat(x, 2, axis=-1)[..., ::2]
    reversed_twice = x[::-1].copy()[::-1]
    for layout in (np.asfortranarray(x), frozen, strided, reversed_twice):
        assert_same_bits(expected, operator(layout))
        assert_same_bits(x, layout, "the input, which must not be written")


@pytest.mark.parametrize("make", [FullyConnectedProblem.generate, ConvProblem.generate])
@DTYPES
def test_out(isa: str, make, dtype: np.dtype) -> None:
    """``out`` is returned, holds the result, and nothing around it is written."""
    problem = make(8, "gaussian", dtype=dtype)
    operator = layer(problem)
    expected = reference_output(problem)
    frame = np.full((expected.size + 128,), 7, dtype)
    out = frame[64:-64].reshape(expected.shape)
    assert operator(problem.x, out) is out
    assert_same_bits(expected, out)
    assert (frame[:64] == 7).all()
    assert (frame[-64:] == 7).all()
    assert_same_bits(expected, operator(problem.x, out=np.empty_like(expected)))


def test_results_are_fresh(isa: str) -> None:
    """A second call does not overwrite what the first returned."""
    problem = FullyConnectedProblem.generate(9, "gaussian", M=4, N=17, K=31)
    operator = layer(problem)
    first = operator(problem.x)
    operator(-problem.x)
    assert_same_bits(reference_output(problem), first)


def test_weights_are_copied(isa: str) -> None:
    """Changing the arrays a layer was made from does not change the layer."""
    problem = FullyConnectedProblem.generate(10, "gaussian", M=4, N=17, K=31)
    expected = reference_output(problem)
    weight = problem.weight.copy()
    operator = qd8.FullyConnected(
        weight, problem.weight_scale, problem.bias, activation=problem.activation
    )
    weight[:] = 0
    assert_same_bits(expected, operator(problem.x))
