"""The comparisons: reference against LiteRT, kernels against the reference.

Tests, planted mistakes and the deep counts all judge through these functions, so that
what the planted mistakes show to be sharp is the very knife that the tests use.
"""

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import qd8_reference

from tests.checks import assert_same_bits, assert_same_fields
from tests.problems import ConvProblem, FullyConnectedProblem

Problem = FullyConnectedProblem | ConvProblem


def reference_output(
    problem: Problem, reference: ModuleType = qd8_reference, **options: Any
) -> npt.NDArray:
    """Return the definition's answer; ``reference`` may hold a planted mistake."""
    if isinstance(problem, FullyConnectedProblem):
        operator = reference.fully_connected
    else:
        operator = reference.conv2d
    return operator(problem.x, **problem.arguments, **options)


def reference_steps(
    problem: Problem, reference: ModuleType = qd8_reference, **options: Any
) -> Any:
    """Return everything the definition computes on its way."""
    if isinstance(problem, FullyConnectedProblem):
        operator = reference.fully_connected_steps
    else:
        operator = reference.conv2d_steps
    return operator(problem.x, **problem.arguments, **options)


def litert_output(problem: Problem, *, threads: int = 1) -> npt.NDArray:
    """Return XNNPACK's answer; a float16 convolution runs as QD8-F16 (R16)."""
    from tests import litert

    if isinstance(problem, FullyConnectedProblem):
        return litert.fully_connected(problem, threads=threads)
    if problem.x.dtype == np.float16:
        return litert.conv2d_force_fp16(problem)
    return litert.conv2d(problem, threads=threads)


def litert_options(problem: Problem) -> dict[str, str]:
    """Return the options that make the reference XNNPACK's twin: R16 for float16."""
    if isinstance(problem, ConvProblem) and problem.x.dtype == np.float16:
        return {"f16_scale": "xnnpack"}
    return {}


def litert_judges(problem: Problem) -> bool:
    """Whether LiteRT has an answer that this project promises to give.

    Under FORCE_FP16 a convolution that R11 turns into a fully connected has a float32
    output (litert-bits §5), which no float16 operator of ours returns.
    """
    half_conv = isinstance(problem, ConvProblem) and problem.x.dtype == np.float16
    return not (half_conv and problem.is_pointwise)


def assert_reference_is_litert(
    problem: Problem, reference: ModuleType = qd8_reference, *, threads: int = 1
) -> None:
    """C2: the reference's output has XNNPACK's bits."""
    expected = litert_output(problem, threads=threads)
    actual = reference_output(problem, reference, **litert_options(problem))
    assert_same_bits(expected, actual, repr(problem))


def assert_same_steps(problem: Problem, expected: Any, actual: Any) -> None:
    """C1: every intermediate value and the output have the same bits."""
    try:
        assert_same_fields(expected, actual)
    except AssertionError as failure:
        raise AssertionError(f"{problem}\n{failure}") from None


def layer(problem: Problem, **options: Any) -> Any:
    """Build qd8's operator for a problem, on the tier in force."""
    import qd8

    if isinstance(problem, FullyConnectedProblem):
        return qd8.FullyConnected(**problem.arguments, **options)
    return qd8.Conv2D(**problem.arguments, **options)


def assert_kernel_is_reference(problem: Problem, **options: Any) -> None:
    """C1: output and steps of the kernels have the reference's bits."""
    operator = layer(problem, **options)
    expected = reference_steps(problem, **options)
    assert_same_bits(expected.output, operator(problem.x), repr(problem))
    assert_same_steps(problem, expected, operator.steps(problem.x))
