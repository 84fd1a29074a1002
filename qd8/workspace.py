"""Scratch memory of operator calls: one growing buffer for each Python thread."""

import threading

import numpy as np
import numpy.typing as npt

from qd8.pack import aligned

_local = threading.local()


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
