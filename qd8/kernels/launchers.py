"""The loops over tasks: a plain one, and one that shares them with a team."""

from qd8.kernels.calls import call_task
from qd8.kernels.jit import njit
from qd8.kernels.launch import ACCUMULATOR, OUT, SCRATCH, X
from qd8.kernels.offers import share
from qd8.kernels.scalars import store_scalar, word


@njit
def place_words(arguments, words, bases, total, x, out, acc, scratch):
    """Write ``total`` words to ``arguments``, the addresses of their bases added."""
    for i in range(total):
        base, value = word(bases, i), word(words, i)
        if base == X:
            value += x
        elif base == OUT:
            value += out
        elif base == ACCUMULATOR:
            value += acc
        elif base == SCRATCH:
            value += scratch
        store_scalar(arguments + 8 * i, value)


def serial(source):
    def launch_serial(program, x, out, acc, scratch):
        source  # noqa: B018  (in the closure, hence in the key of Numba's cache)
        table, arguments = word(program, 0), scratch + word(program, 2)
        place_words(
            arguments, word(program, 3), word(program, 4), word(program, 5),
            x, out, acc, scratch,
        )  # fmt: skip
        for i in range(word(program, 1)):
            address = word(table, 3 * i)
            first = arguments + word(table, 3 * i + 1)
            tasks = word(table, 3 * i + 2)
            for task in range(tasks):
                call_task(address, task, tasks, first)

    return launch_serial


def shared(source):
    def launch_shared(team, program, x, out, acc, scratch):
        source  # noqa: B018  (in the closure, hence in the key of Numba's cache)
        table, arguments = word(program, 0), scratch + word(program, 2)
        place_words(
            arguments, word(program, 3), word(program, 4), word(program, 5),
            x, out, acc, scratch,
        )  # fmt: skip
        for i in range(word(program, 1)):
            address = word(table, 3 * i)
            first = arguments + word(table, 3 * i + 1)
            tasks = word(table, 3 * i + 2)
            if tasks == 1:
                call_task(address, 0, 1, first)
            else:
                share(team, address, tasks, first)

    return launch_shared
