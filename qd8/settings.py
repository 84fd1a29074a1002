"""Threads and options: process-wide defaults, and overrides for a block of code.

A default holds in every Python thread; a ``with`` block holds in its own context
only, so two threads may run with different settings at once. No setting changes a
bit of any result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from qd8.kernels.cores import available_threads

MEMORY = ("fast", "small")

_default = {"threads": 0}  # 0: as many as are available
_threads: ContextVar[int | None] = ContextVar("qd8_threads", default=None)
_memory: ContextVar[str | None] = ContextVar("qd8_memory", default=None)


def _checked_count(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(
            f"the number of threads is {n!r}; it must be an int of 1 or more"
        )
    return n


def set_num_threads(n: int) -> None:
    """Set how many threads operators and models use, in every Python thread.

    More than this process may use (its CPUs, its cgroup's quota, or
    ``NUMBA_NUM_THREADS`` if that is set) only makes finer shares.
    """
    _default["threads"] = _checked_count(n)


def get_num_threads() -> int:
    """Return how many threads the next call here will use."""
    if (n := _threads.get()) is not None:
        return n
    return _default["threads"] or available_threads()


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use ``n`` threads within the block."""
    token = _threads.set(_checked_count(n))
    try:
        yield
    finally:
        _threads.reset(token)


def get_memory() -> str:
    """Return the packing policy for operators built now: "fast" or "small"."""
    return _memory.get() or MEMORY[0]


@contextmanager
def options(*, memory: str) -> Iterator[None]:
    """Build operators within the block under a packing policy.

    memory : "fast" or "small"
        "small" keeps packed weights to the size of the int8 weights (plus padding to
        whole panels); "fast" may spend more bytes where the schedule gains by it.
    """
    token = _memory.set(checked_memory(memory))
    try:
        yield
    finally:
        _memory.reset(token)


def checked_memory(memory: str) -> str:
    """Return ``memory`` if it names a policy."""
    if memory not in MEMORY:
        raise ValueError(f"memory is {memory!r}; it must be one of {', '.join(MEMORY)}")
    return memory
