"""Hypothesis profiles, and the fixture over all tiers that run here."""

from collections.abc import Iterator

import pytest

from tests.strategies import load_profile

load_profile()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that takes ``isa`` once for each runnable tier."""
    if "isa" in metafunc.fixturenames:
        # Here, not above: the reference's tests must not need numba.
        from qd8.kernels import isa

        metafunc.parametrize("isa", isa.runnable(), indirect=True)


@pytest.fixture
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name the tier on which operators built within the test run."""
    from qd8.kernels import isa

    with isa.forced(request.param):
        yield request.param
