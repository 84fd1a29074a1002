"""Where the elements of an array begin, as a number."""

import ctypes
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

_word_at = ctypes.c_size_t.from_address
_POINTER = object.__basicsize__  # where an array object's first field is


def _described(array: npt.NDArray[Any]) -> int:
    """Where an array's elements begin."""
    return int(array.__array_interface__["data"][0])


def _peeked(array: npt.NDArray[Any]) -> int:
    """Where an array's elements begin: the first field of an array object.

    PyArrayObject_fields of NumPy's C API, unchanged since 1.7. Reading it takes 0.15
    us; ``__array_interface__``, which builds a dictionary and serves where the trial
    below fails, takes 1.1 us.
    """
    return _word_at(id(array) + _POINTER).value


def _readable() -> bool:
    """Whether an array object begins with its data pointer, as NumPy's C ABI says."""
    if sys.implementation.name != "cpython":
        return False
    trials: list[npt.NDArray[Any]] = [np.zeros(3, np.float32), np.zeros(4, np.int8)[1:]]
    return all(_peeked(array) == _described(array) for array in trials)


address = _peeked if _readable() else _described
