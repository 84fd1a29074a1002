"""CONCATENATION, which clamps what it joins; and movement under its older names."""

from collections.abc import Sequence

import numpy.typing as npt

from qd8.kernels.float_unary import bind_clamp
from qd8.kernels.launch import Call
from qd8.kernels.movement import bind_copy, bind_join, bind_pad

__all__ = ["bind_concatenation", "bind_copy", "bind_pad"]


def bind_concatenation(
    arrays: Sequence[npt.NDArray],
    out: npt.NDArray,
    *,
    axis: int,
    activation: str,
    threads: int,
) -> list[Call]:
    """Calls that join ``arrays`` along ``axis`` and clamp the result.

    Arrays that are not float have no activation but "none".
    """
    calls = bind_join(arrays, out, axis=axis, threads=threads)
    if activation != "none":
        calls += bind_clamp(out, out, activation=activation, threads=threads)
    return calls
