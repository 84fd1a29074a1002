"""Teams of threads that share the tasks of a kernel.

Workers wait for offers (offers.py) in compiled code, without the GIL, and after a
while without any sleep on a lock of Python's.
"""

import atexit
import ctypes
import os
import sys
import threading
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

from qd8.kernels import team_words
from qd8.kernels.cores import available_threads

# Seconds for which a worker waits for the next offer before it sleeps. Waking it
# takes some 50 us, in which the caller is alone.
PATIENCE = 0.001


@cache
def _cpu_function() -> Any:
    try:
        return ctypes.CDLL(None).sched_getcpu if sys.platform == "linux" else None
    except (OSError, AttributeError):  # another C library than GNU's or musl's
        return None


def _current_cpu() -> int:
    """The CPU that this thread is on, -1 where the system does not say."""
    function = _cpu_function()
    return -1 if function is None else int(function())


class Team:
    """Some workers, for one caller at a time.

    workers : int
    address : of its words, for `offers.share`
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        memory = np.zeros(team_words.BYTES // 8 + 16, np.int64)
        start = memory.__array_interface__["data"][0]
        self.address = -(-start // 128) * 128
        self._words = memory[(self.address - start) // 8 :]
        self._words[team_words.YIELD // 8] = team_words.yielding()
        self._asleep: list[threading.Lock] = []
        self._away_from = -1
        self._patience = team_words.turns_of(self.address, PATIENCE)
        self._threads = [
            threading.Thread(target=self._serve, daemon=True, name=f"qd8 worker {i}")
            for i in range(1, workers + 1)
        ]
        try:
            for thread in self._threads:
                thread.start()
            self._keep_away()
        except RuntimeError:  # the system has no more threads, or Python ends
            self.dismiss()
            raise

    def _serve(self) -> None:
        work, gate = team_words.work(), threading.Lock()
        gate.acquire()
        while not self._words[team_words.STOP // 8]:
            work(self.address, self._patience)
            self._asleep.append(gate)
            gate.acquire()

    def wake(self) -> None:
        """Have those who sleep look out for an offer."""
        if self._asleep:
            self._keep_away()
        while self._asleep:
            self._asleep.pop().release()

    def _keep_away(self) -> None:
        """Bar the workers from the CPU that the caller is on.

        Linux may wake them there, and they wait for the rest of the caller's time
        slice, some 4 ms, beside a CPU that idles.
        """
        cpu = _current_cpu()
        if cpu == self._away_from:
            return
        if others := os.sched_getaffinity(0) - {cpu}:
            for thread in self._threads:
                with suppress(OSError):  # it has ended, or may not run there
                    os.sched_setaffinity(thread.native_id or 0, others)
        self._away_from = cpu

    def dismiss(self) -> None:
        """Tell the workers to end, soon."""
        self._words[team_words.STOP // 8] = 1
        self.wake()

    def join(self) -> None:
        """Return when all workers have ended."""
        for thread in self._threads:
            while thread.is_alive():
                self.wake()  # one that was about to sleep when it was dismissed
                thread.join(0.001)


_teams: list[Team] = []  # all that there are
_idle: list[Team] = []  # those without a caller, the last used last
_lock = threading.Lock()  # held to change _teams
_state = {"closed": False}


def borrow(threads: int) -> Team | None:
    """Return a team for ``threads`` threads or, at most, for those of this machine.

    None : all cores are busy for other callers, or there is one only; the caller does
        best by running its tasks alone.
    """
    workers = min(threads, available_threads()) - 1
    try:
        team = _idle.pop()
    except IndexError:
        pass
    else:
        if team.workers >= workers:
            return team
        _idle.append(team)
    return _formed(workers) if workers else None


def give_back(team: Team) -> None:
    """Let the next caller have it."""
    _idle.append(team)


def _formed(workers: int) -> Team | None:
    """Form a team, of the threads of smaller idle ones if need be."""
    with _lock:
        if _state["closed"]:
            return None
        for team in sorted(_idle, key=lambda t: -t.workers):
            if team.workers >= workers:
                try:
                    _idle.remove(team)
                except ValueError:  # another caller has it by now
                    continue
                return team
        while _count() + workers >= available_threads():
            try:
                team = _idle.pop(0)
            except IndexError:
                return None
            team.dismiss()
            _teams.remove(team)
        try:
            team = Team(workers)
        except RuntimeError:
            return None
        _teams.append(team)
        return team


def _count() -> int:
    return sum(team.workers for team in _teams)


def workers() -> int:
    """Return how many threads wait for tasks, or run them."""
    return _count()


def _close() -> None:
    # Workers run compiled code, whose memory goes with the interpreter.
    with _lock:
        _state["closed"] = True
        teams = [*_teams]
    for team in teams:
        team.dismiss()
    for team in teams:
        team.join()


def _after_fork_in_child() -> None:
    # Of the threads, a child has only the one that forked.
    global _lock
    _lock = threading.Lock()
    _teams.clear()
    _idle.clear()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
