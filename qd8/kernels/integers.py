"""Arithmetic of int32 and int64, modulo their width (R29); shapes broadcast."""

import numpy as np
import numpy.typing as npt

from qd8.kernels.elementwise import bind_elementwise
from qd8.kernels.launch import Call

Integers = npt.NDArray[np.int32] | npt.NDArray[np.int64]
DTYPES = ("int32", "int64")


def bind_add(a: Integers, b: Integers, out: Integers, *, threads: int) -> list[Call]:
    """Calls that make ``out`` ``a + b``."""
    return bind_elementwise("add", (a, b), out, threads=threads)


def bind_sub(a: Integers, b: Integers, out: Integers, *, threads: int) -> list[Call]:
    """Calls that make ``out`` ``a - b``."""
    return bind_elementwise("sub", (a, b), out, threads=threads)


def bind_mul(a: Integers, b: Integers, out: Integers, *, threads: int) -> list[Call]:
    """Calls that make ``out`` ``a * b``."""
    return bind_elementwise("mul", (a, b), out, threads=threads)


def bind_neg(x: Integers, out: Integers, *, threads: int) -> list[Call]:
    """Calls that make ``out`` ``-x``."""
    return bind_elementwise("neg", (x,), out, threads=threads)


def bind_div(a: Integers, b: Integers, out: Integers, *, threads: int) -> list[Call]:
    """Calls that make ``out`` ``a / b``, towards zero; n / 0 is 0."""
    return bind_elementwise("div", (a, b), out, threads=threads)


def bind_maximum(
    a: Integers, b: Integers, out: Integers, *, threads: int
) -> list[Call]:
    """Calls that make ``out`` the larger of both."""
    return bind_elementwise("maximum", (a, b), out, threads=threads)


def bind_minimum(
    a: Integers, b: Integers, out: Integers, *, threads: int
) -> list[Call]:
    """Calls that make ``out`` the smaller of both."""
    return bind_elementwise("minimum", (a, b), out, threads=threads)


def bind_abs(x: Integers, out: Integers, *, threads: int) -> list[Call]:
    """Calls that make ``out`` the magnitude of ``x``; the smallest stays."""
    return bind_elementwise("abs", (x,), out, threads=threads)
