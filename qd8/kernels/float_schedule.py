"""The schedule of float GEMM and convolution: which strips, blocks and tasks there are.

Pure functions of shapes and threads; float_gemm.py has the loop nest.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels.float_arguments import shares, task_count
from qd8.kernels.float_pack import PackedFloat
from qd8.kernels.float_strips import Strips
from qd8.kernels.float_tile import FloatTile

GRAIN = 1 << 18  # multiply-adds of a task: some 5 us
MANY_TILES = 10  # of rows for each task
BLOCK_BYTES = 1 << 17  # of input that a block touches
FAR_BLOCK_BYTES = 1 << 18  # where every block reads its weights from beyond L2
L2_BYTES = 1 << 20
# Every panel writes a piece of each row of a block, so its outputs lie in few pages, 32
# for LEAST_K products each; in more where there are more products to hide them.
OUT_BYTES, LEAST_K = 1 << 8, 512  # of outputs for each k
BLOCK_TILES = 8  # but at least so many tiles: they share a panel's way from memory
AHEAD_PIXELS = 4  # with fewer, products wait for weights as they come
AHEAD_BYTES = 3 << 17  # of a panel: it and the next one stay in L2


class Schedule(NamedTuple):
    """Which strips form a block, and which blocks and panels a task does."""

    strips: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int64]
    block_shares: npt.NDArray[np.int64]
    panel_shares: npt.NDArray[np.int64]

    @property
    def tasks(self) -> int:
        return (len(self.block_shares) - 1) * (len(self.panel_shares) - 1)


def schedule(
    strips: Strips, packed: PackedFloat, tile: FloatTile, threads: int
) -> Schedule:
    """Cut long strips, gather short ones, and share them out: a pure function."""
    groups, group_panels, K, NR = packed.panels.shape
    panels = groups * group_panels
    MR = tile.heights[0]
    pixels = int(strips.table[:, 4].sum())
    tasks = task_count(pixels * max(K, 1) * panels * NR, GRAIN, threads)
    # Rows are shared out where there are tiles enough; else panels are, of which each
    # core then reads its share: of 196 rows, (672, 112) weights from L3 take 109 us by
    # panels, 126 us by rows.
    by_rows = pixels >= MANY_TILES * MR * tasks or panels < tasks
    row_tasks, panel_tasks = (tasks, 1) if by_rows else (1, tasks)
    row_tasks = max(1, min(row_tasks, pixels // MR))

    pixel_bytes = 4 * groups * packed.shape[3]  # neighbours share the rest of a window
    far = packed.panels.nbytes > L2_BYTES
    fit = (FAR_BLOCK_BYTES if far else BLOCK_BYTES) // pixel_bytes
    fit = min(fit, OUT_BYTES * max(K, LEAST_K) // (4 * packed.shape[0]))
    bound = MR * max(fit // MR, BLOCK_TILES)
    share = -(-pixels // row_tasks)
    pieces = -(-share // bound)  # blocks of a task, as even as tiles allow
    length = MR * -(-share // (pieces * MR))
    table = strips.cut(length)
    counts = table[:, 4]
    ends = np.cumsum(counts)
    # A block ends with the strip in which its share of pixels is reached.
    number = (ends - 1) // length
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    blocks = np.append(starts, len(table)).astype(np.int64)
    costs = np.add.reduceat(counts, starts)
    return Schedule(
        table,
        blocks,
        shares(costs, row_tasks),
        shares(np.ones(panels, np.int64), panel_tasks),
    )


def ahead(strips: Strips, panel_bytes: int) -> int:
    """How far ahead the first tiles of a panel ask for weights, 0 if they do not.

    One row reads weights as fast as they come, and the CPU's own prefetcher sees one
    stream: asked for besides, (1, 1024, 1024) takes 151 us instead of 143, six rows
    151 instead of 170 (AVX2).
    """
    few = int(strips.table[:, 4].sum()) < AHEAD_PIXELS
    return 0 if few or panel_bytes > AHEAD_BYTES else panel_bytes
