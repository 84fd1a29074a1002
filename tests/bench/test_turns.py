"""Engines are timed in turns, and turns that were disturbed are taken again."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from asv_bench.benchmarks import waiting
from asv_bench.benchmarks.turns import alternate


def test_turns_alternate(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of each is not timed; then A, B, A, B, each after the same question."""
    called: list[str] = []

    def asked() -> float:
        called.append("?")
        return 0.0

    monkeypatch.setattr(waiting, "waited", asked)
    turns = alternate(lambda: called.append("a"), lambda: called.append("b"), 3)
    assert "".join(called) == "ab" + 3 * "?a??b?"
    assert len(turns.a) == len(turns.b) == 3


def test_disturbed_turns_are_taken_again() -> None:
    """As many undisturbed ones as wanted, in order; else the least disturbed."""
    shares = iter([0.0, 0.5, 0.01, 0.3, 0.0, 0.0])
    numbers = itertools.count()
    turn = lambda: (next(shares), next(numbers))  # noqa: E731
    assert waiting.least_disturbed(turn, 3) == [0, 2, 4]
    never = iter([0.9, 0.1, 0.5, 0.4, 0.8, 0.3])
    numbers = itertools.count()
    turn = lambda: (next(never), next(numbers))  # noqa: E731
    assert waiting.least_disturbed(turn, 3) == [1, 3, 5]


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="not Linux")
def test_waiting_for_a_cpu_is_seen() -> None:
    """Two processes on one core: each waits about half of the time."""
    spin = "while True: pass"
    core = max(os.sched_getaffinity(0))
    kept = os.sched_getaffinity(0)
    with subprocess.Popen([sys.executable, "-c", spin]) as other:
        try:
            os.sched_setaffinity(other.pid, {core})
            os.sched_setaffinity(0, {core})
            share, _ = waiting.watched(lambda: sum(range(10_000_000)))
        finally:
            other.kill()
            os.sched_setaffinity(0, kept)
    assert 0.1 < share < 1
