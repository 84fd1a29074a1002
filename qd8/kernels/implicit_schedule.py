"""Whether a convolution reads its image where it lies, and how its rows are counted.

A pure function of shapes, as schedule.py; implicit_gemm.py has the kernel. Both ways
give the same bits. The runs of taps must be padded when the weights are packed, before
the size of an image is known; an image too narrow for whole registers is gathered all
the same.
"""

from typing import NamedTuple

from qd8.kernels.gemm_memory import AMX_SCRATCH
from qd8.kernels.isa import Tier
from qd8.kernels.runs import COPY, RUN, STEP, TILE, Runs
from qd8.kernels.schedule import SERIAL_MACS, Schedule, far_room, grid
from qd8.records import field, record

REGISTER, FIXED = 16, 400  # pixels; cycles of a tile's fixed part and epilogue
NEAR = 24 << 10  # bytes of image, or of weights, that stay in L1 beside the other
OUTPUTS = 128 << 10  # bytes of a block's outputs that stay in L2


class Layer(NamedTuple):
    """A convolution at one input size, its runs padded."""

    images: int
    OH: int
    OW: int
    N: int  # of a group
    groups: int
    row_steps: int  # pixel steps from output row to output row; 0 if not whole
    pixel_bytes: int  # from output pixel to output pixel
    runs: Runs
    blocks: int


@record(frozen=True)
class ImplicitSchedule(Schedule):
    """``block_rows`` counts pixels of rows of ``row_pixels``."""

    row_pixels: int = field(kw_only=True)


def choose(layer: Layer, gathered: Schedule, threads: int, tier: Tier) -> Schedule:
    """``gathered``, or the implicit schedule where that is faster."""
    widths = [-(-layer.OW // REGISTER) * REGISTER]
    if layer.row_steps >= layer.OW:
        widths.append(layer.row_steps)
    row_pixels = min(widths, key=lambda width: _pixels(layer, width))
    count = -(-layer.N // tier.NR)
    panel = STEP * layer.blocks + FIXED
    tiles = -(-_pixels(layer, row_pixels) // TILE)
    implicit = tiles * count * panel
    copied = COPY * layer.blocks + RUN * layer.runs.count
    pixels = layer.OH * layer.OW
    gather = -(-pixels // TILE) * count * panel + pixels * copied
    if implicit >= gather:
        return gathered
    return _schedule(layer, tiles, row_pixels, threads, tier)


def _pixels(layer: Layer, row_pixels: int) -> int:
    return row_pixels * (layer.OH - 1) + layer.OW


def _block_tiles(layer: Layer, row_pixels: int, tiles: int, tier: Tier) -> int:
    """Tiles of a block, of ``tiles`` that a task has.

    Nothing is packed for a block, so that more tiles a panel cost little but L2 for
    the outputs, whose lines the panels fill in turn. Only where all panels stay in L1
    is the image better read from there.
    """
    piece = layer.runs.count * (TILE * layer.pixel_bytes + layer.runs.length)
    weights = tier.KB * layer.blocks * layer.N
    if weights <= tier.l2_bytes * 9 // 16:
        most = max(NEAR // piece, 1)
        if weights > NEAR or layer.N <= tier.NR:
            most = max(most, OUTPUTS // (TILE * 4 * layer.N * layer.groups))
        return -(-tiles // -(-tiles // most))
    row_bytes = (layer.row_steps or layer.OW) * layer.pixel_bytes

    def read(count: int) -> int:
        # A few tiles read a piece of each row of taps, many share whole rows.
        rows = count * TILE // row_pixels + 1 + layer.runs.count
        return min(count * piece, rows * row_bytes)

    room = far_room(tier, read(tiles), weights)
    most = next((count for count in range(tiles, 1, -1) if read(count) <= room), 1)
    return -(-tiles // -(-tiles // most))  # blocks as even as tiles allow


def _schedule(
    layer: Layer, tiles: int, row_pixels: int, threads: int, tier: Tier
) -> ImplicitSchedule:
    count, units = -(-layer.N // tier.NR), layer.images * tiles
    K = tier.KB * layer.blocks
    macs = units * TILE * K * layer.N * layer.groups
    weights = K * layer.N
    rows, columns, why = 1, 1, "one thread"
    if threads > 1 and macs >= SERIAL_MACS:
        rows, columns, why = grid(units, count, threads, weights, tier)
    block = TILE * _block_tiles(layer, row_pixels, min(tiles, -(-units // rows)), tier)
    scratch = AMX_SCRATCH + -(-8 * layer.blocks // 64) * 64 + 128 * count
    name = f"qd8_qc8w_implicit_gemm_{tier.MR}x{tier.NR}c{tier.KR}_{tier.name}"
    why = f"{why}; tiles read the image where it lies"
    return ImplicitSchedule(
        *(name, tier.name, block, rows, columns, scratch, why),
        tile=tier.tile,
        row_pixels=row_pixels,
    )
