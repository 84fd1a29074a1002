"""A team's words, which its threads share (offers.py), and how they wait for others."""

import ctypes
import sys
import time
from functools import cache
from typing import Any

from qd8.kernels.cache import kernel

# Words of a team, in bytes; two cache lines apart where different threads write.
OFFER, DONE, ADDRESS, ARGUMENTS, TASKS, STOP, YIELD = 0, 128, 256, 264, 272, 384, 392
BYTES = 512
LEFT = 2**24 - 1  # the bits of an offer that count the tasks left
# Turns of waiting that only pause; further ones let other threads run too, which is
# what they need where threads are more than cores.
TURNS = 1000


@cache
def work() -> Any:
    """Serve a team, (its address, turns of patience), without the GIL."""
    made = kernel("offers.work", arguments=2)
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
