"""2,400 damaged files and more: each is refused clearly or runs to the end."""

import mmap
import subprocess
import sys

import numpy as np
import pytest

import qd8

from . import fuzz as fuzzer
from .fuzz import FILES, Report, fuzz, outcome_of, write_seeds

# More of the small ones: nearly all of their bytes are tables.
COUNTS = dict.fromkeys(FILES, 150) | {"every_operator": 600, "digits_drq": 600}


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


@pytest.mark.parametrize(
    ("planted", "finding"),
    [
        (IndexError("list index out of range"), "IndexError"),
        (MemoryError("4 GiB"), "MemoryError"),
        (ValueError("cannot reshape array"), "does not name the file"),
    ],
)
def test_an_unclear_error_is_a_failure(monkeypatch, planted, finding):
    """What the loader may not raise is found."""

    def load(content, precision):
        raise planted

    monkeypatch.setattr(qd8, "load", load)
    assert finding in outcome_of(b"", None)
    assert outcome_of(b"", None).startswith("FAILED")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_swallowed_memory_is_a_failure(monkeypatch):
    """Memory that a load has touched is found, also when it is free again."""

    def load(content, precision):
        # Fresh pages: an array might get memory that an earlier test has touched.
        pages = np.frombuffer(mmap.mmap(-1, 2 * fuzzer.MEMORY_FLOOR), np.uint8)
        pages[:] = 1
        raise ValueError("<bytes> is no file")

    monkeypatch.setattr(qd8, "load", load)
    assert "FAILED: took" in outcome_of(b"", None)


@pytest.mark.parametrize(
    ("script", "finding"),
    [
        ("import os; os.abort()", "died with -6"),
        ("print('mutant 7 ran', flush=True); import os; os.abort()", "died"),
        ("import time; time.sleep(60)", "hung"),
    ],
)
def test_a_lost_worker_is_a_failure(monkeypatch, script, finding):
    """The mutant at which a worker dies or hangs is named."""
    monkeypatch.setattr(fuzzer, "SECONDS", 0.5)
    command = [sys.executable, "-c", f"print('ready', flush=True); {script}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as worker:
        *done, last = fuzzer._watch(worker, 7)
    assert last[0] == 7 + len(done)
    assert finding in last[1]
