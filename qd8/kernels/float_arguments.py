"""What the float kernels' argument blocks are made of, and how work is shared."""

from math import prod

import numpy as np
import numpy.typing as npt

from qd8.kernels.activation import BOUNDS
from qd8.kernels.addresses import address
from qd8.kernels.kinds import F16, F32

LINE = 64  # bytes

Float = npt.NDArray[np.float32] | npt.NDArray[np.float16]


def aligned(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Uninitialized float32 that begin at a cache line: no vector load crosses one."""
    size = prod(shape)
    room = np.empty(size + LINE // 4, np.float32)
    skipped = -address(room) % LINE // 4
    return room[skipped : skipped + size].reshape(shape)


def real_bits(value: float) -> int:
    """The word that ``simd.real_word`` reads as ``value``."""
    return int(np.float32(value).view(np.uint32))


def bounds_words(activation: str) -> tuple[int, int]:
    """``lo`` and ``hi`` of an activation as words."""
    lo, hi = BOUNDS[activation]
    return real_bits(lo), real_bits(hi)


def kind(array: Float) -> int:
    """The literal kind of a float array's elements in memory."""
    return F16 if array.dtype == np.float16 else F32


def task_count(work: int, grain: int, threads: int) -> int:
    """How many tasks: one for each ``grain`` of the work, at most ``threads``.

    A parallel launch costs 2 to 5 us, so a grain should take at least that long.
    """
    return max(1, min(threads, work // grain))


def shares(costs: npt.NDArray[np.int64], tasks: int) -> npt.NDArray[np.int64]:
    """Cut a list of items into ``tasks`` runs of about the same cost.

    Returns
    -------
    (tasks + 1,) int64
        Task t does the items from result[t] up to result[t + 1].
    """
    done = np.concatenate([[0], np.cumsum(costs)])
    ideal = done[-1] * np.arange(tasks + 1) / tasks
    cuts = np.searchsorted((done[:-1] + done[1:]) / 2, ideal)  # to the nearer item
    cuts[0], cuts[-1] = 0, len(costs)
    return cuts.astype(np.int64)
