"""THE place of Hypothesis strategies: problems, and how many of them are tried.

Every strategy draws a seed, a family and the sizes, and leaves the numbers to
tests/families.py: a generic float strategy would practically never hit a tie.
"""

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.problems import (
    EDGE_K,
    EDGE_M,
    EDGE_N,
    NON_FINITE,
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)

SEEDS = st.integers(0, 2**32 - 1)
HALF = np.dtype(np.float16)


def load_profile() -> None:
    """Choose how many examples to try: HYPOTHESIS_PROFILE, "ci" on a CI machine.

    There is no deadline, because the first example of a kernel compiles it; and a
    test may take the fixture ``isa``, which is the same for all of its examples.
    """
    same = {
        "deadline": None,
        "suppress_health_check": [HealthCheck.function_scoped_fixture],
        "print_blob": True,
    }
    settings.register_profile("dev", max_examples=25, **same)
    settings.register_profile("ci", max_examples=200, derandomize=True, **same)
    settings.register_profile("nightly", max_examples=5000, **same)
    default = "ci" if os.environ.get("CI") == "true" else "dev"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", default))


def fully_connected_problems(
    dtype: npt.DTypeLike = np.float32, *, finite: bool = False
) -> st.SearchStrategy[FullyConnectedProblem]:
    """Draw fully connected layers; ``finite`` leaves out rows of R10."""
    families = fully_connected_families(dtype) + (() if finite else (NON_FINITE,))
    return st.builds(
        FullyConnectedProblem.generate,
        SEEDS,
        st.sampled_from(families),
        dtype=st.just(dtype),
        M=st.sampled_from(EDGE_M),
        N=st.sampled_from(EDGE_N),
        K=st.sampled_from(EDGE_K),
    )


def conv_problems(
    dtype: npt.DTypeLike = np.float32,
    *,
    families: Sequence[str] | None = None,
    explicit_padding: bool = False,
) -> st.SearchStrategy[ConvProblem]:
    """Draw convolutions; by default of every family, rows of R10 included.

    ``explicit_padding`` pads half of them by amounts that no file can say.
    """
    if families is None:
        families = (*conv_families(dtype), NON_FINITE)
    problems = st.builds(
        ConvProblem.generate, SEEDS, st.sampled_from(families), dtype=st.just(dtype)
    )
    if not explicit_padding:
        return problems
    padded = problems.map(ConvProblem.with_explicit_padding)
    return st.one_of(problems, padded)


def activations(
    dtype: npt.DTypeLike = np.float32,
) -> st.SearchStrategy[npt.NDArray]:
    """Draw rows (M, K) of every row family, for quantization alone."""
    return fully_connected_problems(dtype).map(lambda problem: problem.x)
