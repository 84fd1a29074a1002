"""Teams of threads: each task runs once, whoever runs it, and nobody waits in vain."""

import os
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from qd8.kernels import cores, launch, team
from qd8.kernels.atomics import add_word
from qd8.kernels.cache import kernel
from qd8.kernels.float_arguments import shares
from qd8.kernels.scalars import word
from tests.processes import assert_prints

NUMBER = 64


def _count(source):  # type: ignore[no-untyped-def]
    def count(task, tasks, arguments):  # type: ignore[no-untyped-def]
        source  # noqa: B018
        add_word(word(arguments, 0) + 8 * task, tasks)

    return count


@pytest.fixture
def counts() -> np.ndarray:
    """How often each task ran, times how many there were."""
    return np.zeros(NUMBER, np.int64)


def counting(counts: np.ndarray, *tasks: int) -> launch.Linked:
    """Calls of so many tasks each, one after the other."""
    made, address = kernel(_count), counts.__array_interface__["data"][0]
    return launch.Linked(launch.bind(made, [address], n, counts) for n in tasks)


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As many as eight threads may be used, whatever this machine has; none yet."""
    monkeypatch.setattr(team, "available_threads", lambda: 8)
    monkeypatch.setattr(team, "_teams", [])
    monkeypatch.setattr(team, "_idle", [])
    yield
    for found in team._teams:
        found.dismiss()


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_each_task_runs_once(
    counts: np.ndarray, eight_cores: None, threads: int
) -> None:
    """In calls of very different numbers of tasks, ten thousand times."""
    tasks = [threads, 1, 2, NUMBER, threads]
    linked = counting(counts, *tasks)
    for _ in range(2000):
        linked.run()
    expected = np.zeros(NUMBER, np.int64)
    for n in tasks:
        expected[:n] += 2000 * n
    np.testing.assert_array_equal(counts, expected)
    assert team.workers() == 7  # of NUMBER tasks, as many as there are cores


def test_workers_sleep_and_wake(counts: np.ndarray, eight_cores: None) -> None:
    """They take no time when there is nothing to do, and are back for the next."""
    linked = counting(counts, 2)
    linked.run()
    (crew,) = team._teams
    deadline = time.monotonic() + 10
    while not crew._asleep:
        assert time.monotonic() < deadline, "the worker never slept"
        time.sleep(0.01)
    for _ in range(3):
        linked.run()
    assert counts[0] == counts[1] == 8


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_workers_keep_away_from_the_callers_cpu(
    counts: np.ndarray, eight_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may run on every other one, wherever the caller wakes them from."""
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("one CPU")
    crew = team.borrow(3)
    assert crew is not None
    for cpu in sorted(allowed)[:2]:
        monkeypatch.setattr(team, "_current_cpu", lambda cpu=cpu: cpu)
        deadline = time.monotonic() + 10
        while len(crew._asleep) < 2:
            assert time.monotonic() < deadline, "the workers never slept"
            time.sleep(0.01)
        crew.wake()
        for thread in crew._threads:
            assert os.sched_getaffinity(thread.native_id or 0) == allowed - {cpu}
    assert os.sched_getaffinity(0) == allowed
    team.give_back(crew)


def test_callers_have_teams_of_their_own(counts: np.ndarray, eight_cores: None) -> None:
    """As long as there are cores; then a caller is told to run alone."""
    borrowed = [team.borrow(3) for _ in range(4)]
    assert [crew and crew.workers for crew in borrowed] == [2, 2, 2, None]
    assert len({crew.address for crew in borrowed if crew}) == 3
    for crew in borrowed[:3]:
        team.give_back(crew)
    assert team.borrow(2) is borrowed[2]  # a larger team serves, the last used first
    team.give_back(borrowed[2])
    counting(counts, 8).run()  # needs the threads of the smaller ones
    assert [crew.workers for crew in team._teams] == [7]
    assert list(counts[:8]) == [8] * 8
    for crew in borrowed[:3]:
        crew.join()


def test_one_core_forms_no_team(
    counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks run one after the other in the caller's thread."""
    monkeypatch.setattr(team, "available_threads", lambda: 1)
    monkeypatch.setattr(team, "_idle", [])
    assert team.borrow(4) is None
    counting(counts, 4).run()
    assert list(counts[:4]) == [4] * 4


def test_a_system_without_threads(
    counts: np.ndarray, eight_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none can be started, the caller does all tasks."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    counting(counts, 4).run()
    assert list(counts[:4]) == [4] * 4
    assert team.workers() == 0


def test_a_process_ends_while_workers_wait() -> None:
    """Compiled code is not taken from under them, and calls at exit still work."""
    code = """
import atexit
layer_ = layer(problem)
expected = reference_output(problem)
def late():
    assert_same_bits(expected, layer_(problem.x))
    print("late")
atexit.register(late)
qd8.set_num_threads(2)
assert_same_bits(expected, layer_(problem.x))
import qd8.kernels.team
atexit.register(late)
"""
    assert_prints("late\nlate", code, NUMBA_NUM_THREADS="2")


def test_threads_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that Numba's users know, else this process's CPUs at most."""
    monkeypatch.setenv("NUMBA_NUM_THREADS", "5")
    assert cores.available_threads.__wrapped__() == 5
    monkeypatch.delenv("NUMBA_NUM_THREADS")
    found = cores.available_threads.__wrapped__()
    assert 1 <= found <= (os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        assert found <= len(os.sched_getaffinity(0))


def test_needs_neither_numba_nor_llvm() -> None:
    """Several threads, in a process whose kernels are on disk."""
    code = """
qd8.set_num_threads(2)
assert_same_bits(reference_output(problem), layer(problem)(problem.x))
"""
    assert_prints("", code, NUMBA_NUM_THREADS="2")
    assert_prints("False", code + "import sys; print('numba' in sys.modules)")


@pytest.mark.parametrize(
    ("costs", "tasks", "cuts"),
    [
        ([10, 10], 2, [0, 1, 2]),
        ([6271, 6273], 2, [0, 1, 2]),
        ([6273, 6271], 2, [0, 1, 2]),
        ([1, 1, 1, 9], 2, [0, 3, 4]),
        ([9, 1, 1, 1], 2, [0, 1, 4]),
        ([1] * 7, 3, [0, 2, 5, 7]),
        ([5], 3, [0, 0, 1, 1]),
    ],
)
def test_shares_are_as_even_as_items_allow(
    costs: list[int], tasks: int, cuts: list[int]
) -> None:
    """A cut goes to the nearer boundary of items."""
    found = list(shares(np.array(costs), tasks))
    assert found[0] == 0
    assert found[-1] == len(costs)
    sums = [sum(costs[a:b]) for a, b in pairwise(found)]
    expected = [sum(costs[a:b]) for a, b in pairwise(cuts)]
    assert sorted(sums) == sorted(expected)
