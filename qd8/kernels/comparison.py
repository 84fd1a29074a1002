"""LESS, EQUAL and their relatives; LOGICAL_AND, _OR, _NOT; SELECT_V2 (R29).

Shapes broadcast by NumPy's rule. A comparison with NaN is false, but for NOT_EQUAL.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels.elementwise import bind_elementwise
from qd8.kernels.launch import Call

Bool = npt.NDArray[np.bool_]


def bind_less(a: npt.NDArray, b: npt.NDArray, out: Bool, *, threads: int) -> list[Call]:
    """Calls that make ``out`` ``a < b``, of float, int32 or int64."""
    return bind_elementwise("less", (a, b), out, threads=threads)


def bind_less_equal(
    a: npt.NDArray, b: npt.NDArray, out: Bool, *, threads: int
) -> list[Call]:
    """Calls that make ``out`` ``a <= b``, of float, int32 or int64."""
    return bind_elementwise("less_equal", (a, b), out, threads=threads)


def bind_greater(
    a: npt.NDArray, b: npt.NDArray, out: Bool, *, threads: int
) -> list[Call]:
    """Calls that make ``out`` ``a > b``, of float, int32 or int64."""
    return bind_elementwise("greater", (a, b), out, threads=threads)


def bind_greater_equal(
    a: npt.NDArray, b: npt.NDArray, out: Bool, *, threads: int
) -> list[Call]:
    """Calls that make ``out`` ``a >= b``, of float, int32 or int64."""
    return bind_elementwise("greater_equal", (a, b), out, threads=threads)


def bind_equal(
    a: npt.NDArray, b: npt.NDArray, out: Bool, *, threads: int
) -> list[Call]:
    """Calls that make ``out`` ``a == b``, of float, int32, int64 or bool."""
    return bind_elementwise("equal", (a, b), out, threads=threads)


def bind_not_equal(
    a: npt.NDArray, b: npt.NDArray, out: Bool, *, threads: int
) -> list[Call]:
    """Calls that make ``out`` ``a != b``, of float, int32, int64 or bool."""
    return bind_elementwise("not_equal", (a, b), out, threads=threads)


def bind_logical_and(a: Bool, b: Bool, out: Bool, *, threads: int) -> list[Call]:
    """Calls that make ``out`` hold where both hold."""
    return bind_elementwise("logical_and", (a, b), out, threads=threads)


def bind_logical_or(a: Bool, b: Bool, out: Bool, *, threads: int) -> list[Call]:
    """Calls that make ``out`` hold where at least one holds."""
    return bind_elementwise("logical_or", (a, b), out, threads=threads)


def bind_logical_not(x: Bool, out: Bool, *, threads: int) -> list[Call]:
    """Calls that make ``out`` hold where ``x`` does not."""
    return bind_elementwise("logical_not", (x,), out, threads=threads)


def bind_select(
    condition: Bool,
    a: npt.NDArray,
    b: npt.NDArray,
    out: npt.NDArray,
    *,
    threads: int,
) -> list[Call]:
    """Calls that make ``out`` ``a`` where ``condition`` holds, else ``b``, as bits."""
    operands = (a, b, condition)
    return bind_elementwise("select", operands, out, threads=threads, as_bits=True)
