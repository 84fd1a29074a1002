"""C2: the reference has XNNPACK's bits. The judge is LiteRT, not our reading."""

import numpy as np
import pytest
from hypothesis import given

from tests.judgement import assert_reference_is_litert, litert_judges
from tests.problems import (
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)
from tests.strategies import HALF, conv_problems, fully_connected_problems

litert = pytest.importorskip("tests.litert", exc_type=ImportError)

# Fixed problems of each family, the same in every run; test_planted_mistakes.py
# shows that they suffice to catch every mistake it plants.
SEEDS = range(40)


@pytest.mark.parametrize("family", fully_connected_families())
def test_fully_connected_of_each_family(family: str) -> None:
    """A float32 fully connected layer gives XNNPACK's bits on every family."""
    for seed in SEEDS:
        assert_reference_is_litert(FullyConnectedProblem.generate(seed, family))


@pytest.mark.parametrize("family", conv_families())
def test_conv2d_of_each_family(family: str) -> None:
    """A float32 convolution gives XNNPACK's bits on every family."""
    for seed in SEEDS:
        assert_reference_is_litert(ConvProblem.generate(seed, family))


@pytest.mark.parametrize("family", fully_connected_families(HALF))
def test_float16_fully_connected_of_each_family(family: str) -> None:
    """FLOAT16 tensors into FULLY_CONNECTED give R15's bits."""
    for seed in SEEDS:
        problem = FullyConnectedProblem.generate(seed, family, dtype=HALF)
        assert_reference_is_litert(problem)


@pytest.mark.parametrize("family", conv_families(HALF))
def test_float16_conv2d_of_each_family(family: str) -> None:
    """f16_scale="xnnpack" gives the bits of QD8-F16 under FORCE_FP16 (R16)."""
    judged = 0
    for seed in SEEDS:
        problem = ConvProblem.generate(seed, family, dtype=HALF)
        if litert_judges(problem):
            assert_reference_is_litert(problem)
            judged += 1
    # All of "pointwise" but 1 -> 1 channels run as fully connected there.
    assert judged >= (1 if family == "pointwise" else len(SEEDS) // 2)


@given(problem=fully_connected_problems(finite=True))
def test_fully_connected(problem: FullyConnectedProblem) -> None:
    """Whatever is drawn, XNNPACK and the reference agree."""
    assert_reference_is_litert(problem)


@given(problem=conv_problems(families=conv_families()))
def test_conv2d(problem: ConvProblem) -> None:
    """Whatever is drawn, XNNPACK and the reference agree."""
    assert_reference_is_litert(problem)


@given(problem=fully_connected_problems(HALF, finite=True))
def test_float16_fully_connected(problem: FullyConnectedProblem) -> None:
    """Whatever is drawn in float16, XNNPACK and the reference agree."""
    assert_reference_is_litert(problem)


@given(problem=conv_problems(HALF, families=conv_families(HALF)).filter(litert_judges))
def test_float16_conv2d(problem: ConvProblem) -> None:
    """Whatever is drawn in float16, QD8-F16 and the reference agree."""
    assert_reference_is_litert(problem)


@pytest.mark.parametrize(("M", "N", "K"), [(257, 33, 513), (64, 512, 512)])
def test_large_fully_connected_on_two_threads(M: int, N: int, K: int) -> None:
    """XNNPACK's threads do not change its bits, so one answer is meant by C2."""
    problem = FullyConnectedProblem.generate(1, "gaussian", M=M, N=N, K=K)
    assert_reference_is_litert(problem, threads=2)


def test_the_judge_is_asked() -> None:
    """An output that is wrong in one bit of one element is reported as such."""
    problem = FullyConnectedProblem.generate(0, "gaussian", M=3, N=5, K=7)
    answer = litert.fully_connected(problem)
    answer[1, 2] = np.nextafter(answer[1, 2], np.float32(np.inf))

    class Wrong:
        @staticmethod
        def fully_connected(*_: object, **__: object) -> np.ndarray:
            return answer

    with pytest.raises(AssertionError, match=r"1 of 15 elements differ\n  at \(1, 2\)"):
        assert_reference_is_litert(problem, Wrong)
