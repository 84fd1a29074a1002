"""Queries, keys and values for attention's tiles: some rows of a matrix side by side.

Moves alone, made at every call from wherever the matrices lie (attention.py).
"""

from typing import NamedTuple

import numpy as np

from qd8.kernels import launch
from qd8.kernels.boxes import contiguous_strides
from qd8.kernels.float_arguments import Float, aligned
from qd8.kernels.float_unary import bind_cast
from qd8.kernels.strided_copy import bind_box


class Matrices(NamedTuple):
    """Where matrices lie in a contiguous array; all in elements.

    strides : for each axis before the matrix, then from row to row, then to the next
        column; 0 where several share one matrix
    """

    strides: tuple[int, ...]
    start: int = 0

    def swapped(self) -> "Matrices":
        """The same matrices, transposed."""
        *outer, row, column = self.strides
        return self._replace(strides=(*outer, column, row))


def _widened(x: Float, threads: int) -> tuple[Float, list[launch.Call]]:
    """``x`` in float32, and the calls that make it."""
    if x.dtype == np.float32:
        return x, []
    wide = np.empty(x.shape, np.float32)
    return wide, bind_cast(x, wide, threads=threads)


def packed(
    x: Float,
    at: Matrices,
    batch: tuple[int, ...],
    shape: tuple[int, int],
    side: int,
    threads: int,
) -> tuple[Float, list[launch.Call]]:
    """(*batch, blocks, columns, side) float32: ``side`` rows of a matrix side by side,
    and the calls that make it; the last block is filled up with zeros."""
    wide, calls = _widened(x, threads)
    (rows, columns), (*outer, row, column) = shape, at.strides
    blocks = -(-rows // side)
    out = aligned((*batch, blocks, columns, side))
    *outer_steps, block_step, column_step, _ = contiguous_strides(out.shape)
    full, rest = divmod(rows, side)
    for first, number, length in ((0, full, side), (full, min(rest, 1), rest)):
        if number and length < side:
            out[..., first, :, length:] = 0
        calls += bind_box(
            wide,
            out,
            (*batch, number, columns, length),
            (*outer, side * row, column, row),
            (*outer_steps, block_step, column_step, 1),
            x_start=at.start + first * side * row,
            out_start=first * block_step,
            threads=threads,
        )
    return out, calls
