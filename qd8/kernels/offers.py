"""Tasks offered to threads: the compiled code that shares and claims them.

One word, the offer, holds how many tasks are left and which generation they belong
to. Whoever subtracts one from it has claimed a task: the caller does, and so do
workers, which wait for offers in compiled code without the GIL. A caller never waits
for a worker to wake: it claims all tasks that nobody else does. So nothing can hang
where threads are few.

An offer's kernel and arguments lie beside it. They are rewritten only when no task is
left and all are done, so whoever claims a task has read those of the same generation.
"""

import ctypes
import sys
import time
from functools import cache
from typing import Any

from qd8.kernels.atomics import (
    add_word,
    load_word,
    pause,
    replace_word,
    store_word,
    yield_thread,
)
from qd8.kernels.cache import kernel
from qd8.kernels.calls import call_task
from qd8.kernels.jit import njit

# Words of a team, in bytes; two cache lines apart where different threads write.
OFFER, DONE, ADDRESS, ARGUMENTS, TASKS, STOP, YIELD = 0, 128, 256, 264, 272, 384, 392
BYTES = 512
LEFT = 2**24 - 1  # the bits of an offer that count the tasks left
# Turns of waiting that only pause; further ones let other threads run too, which is
# what they need where threads are more than cores.
TURNS = 1000


@njit
def _wait(team, turns):
    pause()
    if turns > TURNS:
        function = load_word(team + YIELD)
        if function != 0:
            yield_thread(function)


@njit
def _take(team, offer):
    """Run one of the tasks that ``offer`` has left, unless others were faster."""
    address, arguments = load_word(team + ADDRESS), load_word(team + ARGUMENTS)
    tasks = load_word(team + TASKS)
    if replace_word(team + OFFER, offer, offer - 1):
        call_task(address, tasks - (offer & LEFT), tasks, arguments)
        add_word(team + DONE, 1)


@njit
def share(team, address, tasks, arguments):
    """Run a kernel's tasks in this thread and in the team's; return when all are."""
    store_word(team + ADDRESS, address)
    store_word(team + ARGUMENTS, arguments)
    store_word(team + TASKS, tasks)
    store_word(team + DONE, 0)
    offer = load_word(team + OFFER) + LEFT + 1 + tasks
    store_word(team + OFFER, offer)
    while offer & LEFT:
        _take(team, offer)
        offer = load_word(team + OFFER)
    turns = 0
    while load_word(team + DONE) != tasks:
        turns += 1
        _wait(team, turns)


def _work_factory(source):
    def work(team, patience):
        source  # noqa: B018  (in the closure, hence in the key of Numba's cache)
        turns = 0
        while turns < patience and load_word(team + STOP) == 0:
            offer = load_word(team + OFFER)
            if offer & LEFT:
                _take(team, offer)
                turns = 0
            else:
                turns += 1
                _wait(team, turns)

    return work


@cache
def work() -> Any:
    """Serve a team, (its address, turns of patience), without the GIL."""
    made = kernel(_work_factory, arguments=2)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2)(made.address)


@cache
def yielding() -> int:
    """The address of the system's function by which a thread lets others run."""
    try:
        if sys.platform == "win32":
            found = ctypes.WinDLL("kernel32").SwitchToThread
        else:
            found = ctypes.CDLL(None).sched_yield
    except (OSError, AttributeError):
        return 0
    return ctypes.cast(found, ctypes.c_void_p).value or 0


def turns_of(address: int, seconds: float) -> int:
    """Return how many turns of waiting for offers take so long."""
    some, wait = 2 * TURNS, work()
    wait(address, 1)
    start = time.perf_counter()
    wait(address, some)
    return int(max(some, seconds / (time.perf_counter() - start) * some))
