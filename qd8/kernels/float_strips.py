"""Strips: the outputs of a matrix product or convolution as evenly spaced rows.

Pure integers, computed once when a call is bound; float_gemm.py says what for.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels.float_pack import PackedFloat
from qd8.kernels.windows import Pair, Sides, Span, spans

# Words of a strip: x (bytes), x_step (bytes), out, out_step (elements), count,
# first run, number of runs.
STRIP_WORDS = 7


class Strips(NamedTuple):
    table: npt.NDArray[np.int64]  # (strips, STRIP_WORDS)
    runs: npt.NDArray[np.int64]  # (runs, 3): offset in bytes, panel row, length

    def cut(self, length: int) -> npt.NDArray[np.int64]:
        """The table with no strip longer than ``length``."""
        pieces = -(-self.table[:, 4] // length)
        table = np.repeat(self.table, pieces, axis=0)
        firsts = np.repeat(np.cumsum(pieces) - pieces, pieces)
        skipped = (np.arange(len(table)) - firsts) * length
        table[:, 0] += skipped * table[:, 1]
        table[:, 2] += skipped * table[:, 3]
        table[:, 4] = np.minimum(table[:, 4] - skipped, length)
        return table


def row_strips(rows: int, inputs: int, outputs: int, packed: PackedFloat) -> Strips:
    """One strip: ``rows`` rows of a matrix, or pixels of a 1x1 convolution.

    ``inputs`` and ``outputs`` are the channels of all groups together.
    """
    table = np.array([[0, 4 * inputs, 0, outputs, rows, 0, 1]], np.int64)
    return Strips(table, np.array([[0, 0, packed.shape[3]]], np.int64))


def conv2d_strips(
    x_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    packed: PackedFloat,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
) -> Strips:
    """Strips along x, or along y where a rectangle is higher than wide."""
    N, H, W, C = x_shape
    OH, OW, O = out_shape[1:]
    _, KH, KW, I = packed.shape
    (top, _), (left, _) = padding
    tables, runs = [], []
    images = np.arange(N)[:, None]
    for y in spans(H, KH, stride[0], dilation[0], top, OH):
        for x in spans(W, KW, stride[1], dilation[1], left, OW):
            along_x = x.outputs >= y.outputs
            lines = np.arange(y.first, y.last) if along_x else y.first
            points = x.first if along_x else np.arange(x.first, x.last)
            in_y, in_x = lines * stride[0] - top, points * stride[1] - left
            table = np.empty((N, (y if along_x else x).outputs, STRIP_WORDS), np.int64)
            table[..., 0] = ((images * H + in_y) * W + in_x) * C * 4
            table[..., 1] = (stride[1] if along_x else stride[0] * W) * C * 4
            table[..., 2] = ((images * OH + lines) * OW + points) * O
            table[..., 3] = O if along_x else OW * O
            table[..., 4] = (x if along_x else y).outputs
            found = _runs(y, x, W, C, KW, I, dilation)
            table[..., 5:] = len(runs), len(found)
            runs += found
            tables.append(table.reshape(-1, STRIP_WORDS))
    joined = np.concatenate(tables)
    # Images one after the other, so that blocks are neighbourhoods.
    order = np.argsort(joined[:, 2], kind="stable")
    return Strips(joined[order], np.array(runs, np.int64).reshape(-1, 3))


def _runs(y: Span, x: Span, W: int, C: int, KW: int, I: int, dilation: Pair):
    """What the taps of a rectangle read, (ky, kx, c) ascending."""
    found = []
    # Neighbouring taps are one run where they and their channels touch.
    merged = dilation[1] == 1 and I == C
    for ky in range(y.low, y.high):
        for kx in range(x.low, x.high, max(x.high - x.low, 1) if merged else 1):
            offset = (ky * dilation[0] * W + kx * dilation[1]) * C * 4
            length = (x.high - x.low) * I if merged else I
            found.append((offset, (ky * KW + kx) * I, length))
    return found
