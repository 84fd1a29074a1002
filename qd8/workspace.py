"""Scratch memory of operator calls: one growing buffer for each Python thread."""

import threading

import numpy as np
import numpy.typing as npt

from qd8.pack import aligned

_local = threading.local()


def scratch(nbytes: int) -> npt.NDArray[np.uint8]:
    """At least ``nbytes`` bytes, aligned, until the next call in this thread."""
    buffer: npt.NDArray[np.uint8] | None = getattr(_local, "buffer", None)
    if buffer is None or buffer.size < nbytes:
        _local.buffer = None
        buffer = _local.buffer = aligned(nbytes)
    return buffer


def address(array: npt.NDArray[np.generic]) -> int:
    """Where an array's elements begin."""
    return int(array.__array_interface__["data"][0])
