"""CAST between any two dtypes (R29)."""

import numpy.typing as npt

from qd8.kernels import float_unary
from qd8.kernels.elementwise import bind_elementwise
from qd8.kernels.launch import Call
from qd8.kernels.movement import bind_copy

FLOATS = ("float32", "float16")


def bind_cast(x: npt.NDArray, out: npt.NDArray, *, threads: int) -> list[Call]:
    """Calls that make ``out`` ``x`` in the dtype of ``out``.

    float32, float16, int64, int32, int8, uint8 and bool. Float to integer: towards
    zero, to the end of the range if it is outside, NaN to 0. Anything but 0 is true.
    """
    if x.dtype == out.dtype:
        return bind_copy(x, out, threads=threads)
    if x.dtype.name in FLOATS and out.dtype.name in FLOATS:
        return float_unary.bind_cast(x, out, threads=threads)
    return bind_elementwise("cast", (x.reshape(-1),), out.reshape(-1), threads=threads)
