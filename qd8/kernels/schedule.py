"""Schedules: which loops, as a pure function of shapes, threads and the tier.

Nothing here is timed and nothing compiles, so that a profile explains itself and the
tests need no kernel. A schedule never changes a bit.
"""

from dataclasses import replace
from typing import ClassVar, Self

from qd8.kernels.gemm_memory import COPIES, ROW_SLACK, SLACK, scratch_bytes
from qd8.kernels.isa import Tier
from qd8.records import field, record

L1_BLOCK = 32 << 10  # packed activations that stay in L1
# Weights of a model's many layers come from beyond L2, and half of them is read sooner:
# if they are more than AFAR, for fewer than FEW_ROWS rows a thread.
AFAR, FEW_ROWS = 256 << 10, 64
# Pages of outputs of a block, of which every panel writes a line or two a row. As many
# streams an L2 prefetcher of Intel's follows: 3136 rows of 64 by 256 channels take 295
# us in blocks of 128 rows (32 pages), 384 us in blocks of 256 (amx).
PAGES, PAGE = 32, 4096
SERIAL_MACS = 1 << 18  # below this a second thread costs more than it brings


@record(frozen=True)
class Schedule:
    """How a GEMM of M rows by N columns is cut."""

    kernel: str
    tier: str
    block_rows: int  # rows packed at a time
    grid_rows: int  # tasks along the rows
    grid_columns: int  # tasks along the panels
    scratch_bytes: int  # of one task
    why: str
    tile: str = field(default="", kw_only=True)  # as of isa.Tier
    unit: ClassVar[str] = "rows"

    @property
    def tasks(self) -> int:
        """Tasks, at most one a thread."""
        return self.grid_rows * self.grid_columns

    def because(self, why: str) -> Self:
        """The same with one more reason, if it is not ""."""
        return replace(self, why=f"{self.why}; {why}") if why else self


def grid(
    units: int, count: int, threads: int, weight_bytes: int, tier: Tier
) -> tuple[int, int, str]:
    """Split ``units`` tiles of rows, or ``count`` panels where that serves better."""
    by_rows, by_columns = min(threads, units), min(threads, count)
    share_rows = -(-units // by_rows) / units
    share_columns = -(-count // by_columns) / count
    # Splitting the panels makes every task quantize all rows, and lets two cores write
    # to each row of outputs: there they wait for one another ((196, 112, 672) takes
    # 21 us by rows, 37 us by panels). But each core reads only its share of weights,
    # which counts if they come from far away for few rows.
    even = 1.05 if weight_bytes > tier.l2_bytes // 2 else 1.5
    if weight_bytes > AFAR and units * tier.MR <= FEW_ROWS * threads:
        even = 0.95
    if share_rows <= share_columns * even:
        return by_rows, 1, f"rows split: {units} tiles of rows over {by_rows} threads"
    return 1, by_columns, f"panels split: {count} panels over {by_columns} threads"


def _block(tier: Tier, rows: int, row_bytes: int, weight_bytes: int, N: int) -> int:
    """Rows packed at a time, in whole tiles.

    Weights that stay in half of L2 are read from there once for each block, so the
    block may be as small as L1 likes. Larger ones come from further away, and a
    block of a third of L2 makes each reading worth more. Four complemented copies of
    a tile's rows nearly fill L1 by themselves: better they stay there, and the streams
    of a few L2 pass by (82 GMAC/s of 1024 x 1024 weights become 90).
    """
    near = 4 if tier.tile == "maddubs" else 9 / 16
    whole = -(-rows // tier.MR) * tier.MR
    if weight_bytes <= tier.l2_bytes * near:
        most = min(L1_BLOCK // row_bytes, PAGES * max(PAGE // (4 * N), 1))
    else:
        most = far_room(tier, whole * row_bytes, weight_bytes) // row_bytes
    return min(max(most // tier.MR * tier.MR, tier.MR), whole)


def far_room(tier: Tier, total: int, weight_bytes: int) -> int:
    """Bytes of activations, ``total`` in all, for a block whose weights leave L2.

    A third of L2 leaves room for panels and outputs. But where all activations fit in
    three quarters of it, one pass over weights four times as large is worth more:
    256 x 4096 by 4096 x 4096 takes 4.8 ms instead of 5.7 on AMX, 14.9 instead of 17.1
    without; 1024 x 1024 by 1024 x 4096, whose weights are less, would lose 5 %.
    """
    once = total <= tier.l2_bytes * 3 // 4 and weight_bytes >= 4 * total
    return total if once else tier.l2_bytes * 3 // 8


def _row_bytes(tier: Tier, blocks: int) -> int:
    width = {"madd": 2, "maddubs": COPIES}.get(tier.tile, 1)
    return width * tier.KB * blocks + ROW_SLACK


def _kernel(operator: str, tier: Tier) -> str:
    family = "_maddubs" if tier.tile == "maddubs" else ""
    extents = f"{tier.MR}x{tier.NR}c{tier.KR}"
    return f"qd8_qc8w_{operator}{family}_{extents}_{tier.name}"


def fully_connected(M: int, K: int, N: int, threads: int, tier: Tier) -> Schedule:
    """The schedule of a fully connected of (M, K) rows by (N, K) weights."""
    blocks = -(-K // tier.KB)
    weights = tier.KB * blocks * N
    block_rows = _block(tier, M, _row_bytes(tier, blocks), weights, N)
    units, count = -(-M // tier.MR), -(-N // tier.NR)
    if threads == 1 or M * K * N < SERIAL_MACS:
        rows, columns, why = 1, 1, "one thread"
        if threads > 1:
            why = f"one thread: {M * K * N} MACs are under {SERIAL_MACS}"
    else:
        weights = tier.KB * blocks * N
        rows, columns, why = grid(units, count, threads, weights, tier)
    scratch = scratch_bytes(tier, block_rows, blocks)
    return Schedule(
        *(_kernel("gemm", tier), tier.name, block_rows, rows, columns, scratch, why),
        tile=tier.tile,
    )


def convolution(
    images: int, pixels: int, K: int, N: int, threads: int, tier: Tier
) -> Schedule:
    """The schedule of a convolution with ``pixels`` outputs an image.

    K: taps times input channels of a group; N: output channels of a group.
    """
    blocks = -(-K // tier.KB)
    weights = tier.KB * blocks * N
    block_rows = _block(tier, pixels, _row_bytes(tier, blocks), weights, N)
    units, count = images * -(-pixels // tier.MR), -(-N // tier.NR)
    if threads == 1 or images * pixels * K * N < SERIAL_MACS:
        rows, columns, why = 1, 1, "one thread"
    else:
        weights = tier.KB * blocks * N
        rows, columns, why = grid(units, count, threads, weights, tier)
    scratch = scratch_bytes(tier, block_rows, blocks)
    # A row before it is packed, at the end; kept to whole cache lines.
    scratch += -(-(2 * tier.KB * blocks + SLACK) // 64) * 64
    if tier.tile == "amx":
        scratch += 128 * count + 64  # what accumulators start at
    return Schedule(
        *(_kernel("igemm", tier), tier.name, block_rows, rows, columns, scratch, why),
        tile=tier.tile,
    )


@record(frozen=True)
class Explanation:
    """A schedule beside what the weights cost, for people."""

    schedule: Schedule
    packed_bytes: int
    weight_bytes: int  # of the int8 weights in the file

    def __str__(self) -> str:
        s = self.schedule
        return (
            f"{s.kernel}: blocks of {s.block_rows} {s.unit}, {s.tasks} task(s), "
            f"{s.why}; "
            f"{self.packed_bytes} packed bytes for {self.weight_bytes} of weights, "
            f"{s.tasks * s.scratch_bytes} bytes of scratch"
        )
