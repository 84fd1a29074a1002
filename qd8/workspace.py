"""Memory for kernels: aligned bytes, addresses, and scratch for operator calls."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.kernels.addresses import address

__all__ = ["ALIGNMENT", "address", "aligned", "gap", "scratch"]

ALIGNMENT = 64  # a cache line, and the widest vector
_local = threading.local()


def aligned(count: int) -> npt.NDArray[np.uint8]:
    """``count`` bytes that begin at a cache line."""
    raw = np.empty(count + ALIGNMENT, np.uint8)
    skip = -address(raw) % ALIGNMENT
    return raw[skip : skip + count]


def scratch(nbytes: int) -> int:
    """The address of ``nbytes`` aligned bytes, until the next call in this thread."""
    if getattr(_local, "size", -1) < nbytes:
        _local.buffer, _local.size = None, -1
        _local.buffer = aligned(nbytes)
        _local.address, _local.size = address(_local.buffer), nbytes
    return int(_local.address)


def gap(array: npt.NDArray[Any]) -> int:
    """By how many elements rows lie further apart than they are long.

    array : (..., N), C-contiguous or a slice of the last axis of such a one
    """
    if array.flags.c_contiguous or array.ndim < 2:
        return 0
    return int(array.strides[-2] // array.itemsize) - int(array.shape[-1])
