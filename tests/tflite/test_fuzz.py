"""2,400 damaged files: each is refused clearly or runs to the end."""

import pytest

from .fuzz import Report, fuzz, write_seeds

# More of the small ones: nearly all of their bytes are tables.
COUNTS = {
    "every_operator": 1000,
    "two_edges": 400,
    "valid_and_dilated": 400,
    "digits_drq": 600,
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Fuzz once; every test reads the same report."""
    found = Report()
    for path in write_seeds(tmp_path_factory.mktemp("seeds")):
        fuzz(path, 0, COUNTS[path.stem], found)
    return found


def test_nothing_crashes_hangs_or_swallows_memory(report):
    """No mutant fails, and all have been tried."""
    assert report.failures == []
    assert report.total == sum(COUNTS.values()) >= 2000


def test_half_of_the_damage_is_in_tables(report):
    """Flipped weights are easy; at least half must hit the structure."""
    assert report.in_tables >= report.total / 2


def test_the_damage_reaches_every_stage(report):
    """Some mutants run, and refusals come from many checks, not from one."""
    assert report.outcomes["ran"] > 100
    assert len(report.outcomes) > 50
