"""C1: the kernels have the reference's bits, accumulators included, on every tier."""

import numpy as np
import pytest
from hypothesis import given

import qd8
from tests.judgement import assert_kernel_is_reference
from tests.problems import (
    NON_FINITE,
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)
from tests.strategies import HALF, conv_problems, fully_connected_problems

SEEDS = range(8)
FLOAT = np.dtype(np.float32)
FULLY_CONNECTED = [
    pytest.param(family, dtype, id=f"{family}-{dtype}")
    for dtype in (FLOAT, HALF)
    for family in (*fully_connected_families(dtype), NON_FINITE)
]
CONV = [
    pytest.param(family, dtype, id=f"{family}-{dtype}")
    for dtype in (FLOAT, HALF)
    for family in (*conv_families(dtype), NON_FINITE)
]


@pytest.mark.parametrize(("family", "dtype"), FULLY_CONNECTED)
def test_fully_connected_of_each_family(isa: str, family: str, dtype: np.dtype) -> None:
    """Fixed problems of each family: output and every step."""
    for seed in SEEDS:
        problem = FullyConnectedProblem.generate(seed, family, dtype=dtype)
        assert_kernel_is_reference(problem)


@pytest.mark.parametrize(("family", "dtype"), CONV)
def test_conv2d_of_each_family(isa: str, family: str, dtype: np.dtype) -> None:
    """Fixed problems of each family, with explicit padding too."""
    for seed in SEEDS:
        problem = ConvProblem.generate(seed, family, dtype=dtype)
        assert_kernel_is_reference(problem)
        assert_kernel_is_reference(problem.with_explicit_padding())


@pytest.mark.parametrize("family", [*conv_families(HALF), NON_FINITE])
def test_conv2d_with_xnnpacks_float16_scale(isa: str, family: str) -> None:
    """R16 in the kernels, pointwise convolutions included, which ignore it."""
    for seed in SEEDS:
        problem = ConvProblem.generate(seed, family, dtype=HALF)
        assert_kernel_is_reference(problem, f16_scale="xnnpack")


@pytest.mark.parametrize("dtype", [FLOAT, HALF], ids=str)
@pytest.mark.parametrize(
    ("M", "N", "K"), [(257, 513, 1025), (1, 4097, 2049), (1023, 31, 65), (33, 16, 9001)]
)
def test_large_fully_connected(
    isa: str, M: int, N: int, K: int, dtype: np.dtype
) -> None:
    """Sizes at which a schedule has many blocks of rows, of panels and of depth."""
    for family in ("gaussian", "extreme_weights"):
        problem = FullyConnectedProblem.generate(9, family, dtype=dtype, M=M, N=N, K=K)
        with qd8.threads(2):
            assert_kernel_is_reference(problem)


@given(problem=fully_connected_problems())
def test_fully_connected(isa: str, problem: FullyConnectedProblem) -> None:
    """Whatever is drawn in float32."""
    assert_kernel_is_reference(problem)


@given(problem=fully_connected_problems(HALF))
def test_float16_fully_connected(isa: str, problem: FullyConnectedProblem) -> None:
    """Whatever is drawn in float16."""
    assert_kernel_is_reference(problem)


@given(problem=conv_problems(explicit_padding=True))
def test_conv2d(isa: str, problem: ConvProblem) -> None:
    """Whatever is drawn in float32."""
    assert_kernel_is_reference(problem)


@given(problem=conv_problems(HALF, explicit_padding=True))
def test_float16_conv2d(isa: str, problem: ConvProblem) -> None:
    """Whatever is drawn in float16."""
    assert_kernel_is_reference(problem)
