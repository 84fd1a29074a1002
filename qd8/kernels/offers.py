"""Tasks offered to threads: the compiled code that shares and claims them.

One word, the offer, holds how many tasks are left and which generation they belong
to. Whoever subtracts one from it has claimed a task: the caller does, and so do
workers, which wait for offers in compiled code without the GIL. A caller never waits
for a worker to wake: it claims all tasks that nobody else does. So nothing can hang
where threads are few.

An offer's kernel and arguments lie beside it. They are rewritten only when no task is
left and all are done, so whoever claims a task has read those of the same generation.
"""

from qd8.kernels.atomics import (
    add_word,
    load_word,
    pause,
    replace_word,
    store_word,
    yield_thread,
)
from qd8.kernels.calls import call_task
from qd8.kernels.jit import njit
from qd8.kernels.team_words import (
    ADDRESS,
    ARGUMENTS,
    DONE,
    LEFT,
    OFFER,
    STOP,
    TASKS,
    TURNS,
    YIELD,
)


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


def work(source):
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
