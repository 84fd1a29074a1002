"""Memory for kernels: aligned bytes, addresses, and scratch for operator calls."""

import threading

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64  # a cache line, and the widest vector
_local = threading.local()


def aligned(count: int) -> npt.NDArray[np.uint8]:
    """``count`` bytes that begin at a cache line."""
    raw = np.empty(count + ALIGNMENT, np.uint8)
    skip = -raw.__array_interface__["data"][0] % ALIGNMENT
    return raw[skip : skip + count]


def scratch(nbytes: int) -> int:
    """The address of ``nbytes`` aligned bytes, until the next call in this thread."""
    if getattr(_local, "size", -1) < nbytes:
        _local.buffer, _local.size = None, -1
        _local.buffer = aligned(nbytes)
        _local.address, _local.size = address(_local.buffer), nbytes
    return int(_local.address)


def address(array: npt.NDArray[np.generic]) -> int:
    """Where an array's elements begin."""
    return int(array.__array_interface__["data"][0])
