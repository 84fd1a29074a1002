"""What a GEMM's memory holds: numbers that its kernels and its schedules share.

Nothing here needs a compiler, so a process whose kernels are on disk chooses schedules
and binds calls without the modules that generate them.
"""

from qd8.kernels.isa import Tier
from qd8.kernels.kinds import LANES

MADD, VNNI, AMX, MADDUBS = 0, 1, 2, 3
FAMILY = {"madd": MADD, "vnni": VNNI, "amx": AMX, "maddubs": MADDUBS}
NO_FACTORS = 0, 1, 0  # the words of a layer whose rows are quantized as they are
PARAMETERS = 5  # arrays: scale, zero point, multiplier, least, greatest
PRODUCTS = 16 << 10  # bytes of rows that are multiplied by factors at a time
ROW_SLACK = 64  # bytes after a row of uint8: rows 4 KiB apart would share cache sets
SLACK = 128  # bytes that copies in units of 64 may read or write beyond a row
RANGE_ROWS = LANES  # rows whose ranges are found at once
VECTORS = 2 * RANGE_ROWS * 64  # bytes of their vectors, before these are folded
# AMX: a tile's accumulators, then zeros to begin them with.
CORNER = 32 * 32 * 4
ZERO_STARTS = CORNER
AMX_SCRATCH = ZERO_STARTS + 128
REGISTER_ROWS = 16  # pixels of a tile register that reads an image where it lies
CHAIN_BYTES = 128  # of a gated layer: its chain's words, with a task's addresses
# Exact vpmaddubsw.
COPIES = 4  # of activations, complemented in four ways
COLUMNS = 8  # of a stream of weights: the int32 lanes of a ymm
BINS = (4, 3, 2, 1)  # steps added in int16


def constants(tier: Tier) -> tuple[int, int, int, int, int]:
    """The integers a GEMM kernel closes over: tier, family, MR, NR, KB."""
    return tier.id, FAMILY[tier.tile], tier.MR, tier.NR, tier.KB


def held_rows(block_rows: int) -> int:
    """Words of each array of parameters: found by sixteens, from any row on."""
    return (block_rows + 15) // 16 * 16 + RANGE_ROWS


def products_bytes(size: int, K: int) -> int:
    """Bytes of the rows that are multiplied by factors before they are quantized."""
    return min(max(PRODUCTS // (size * K), 1), RANGE_ROWS) * size * K + 64


def scratch_bytes(tier: Tier, block_rows: int, blocks: int) -> int:
    """Bytes of scratch that one task needs for blocks of ``block_rows`` rows."""
    parameters = 4 * PARAMETERS * held_rows(block_rows) + VECTORS
    if tier.tile == "madd":
        packed = 2 * tier.KB * blocks * block_rows
    elif tier.tile == "maddubs":
        packed = COPIES * tier.KB * blocks * (-(-block_rows // tier.MR) * tier.MR)
        packed += -(-tier.KB * blocks // 64) * 64
    else:
        packed = (tier.KB * blocks + ROW_SLACK) * block_rows
    if tier.tile == "amx":
        # Tiles read 16 or 32 rows even where fewer are valid.
        packed = (tier.KB * blocks + ROW_SLACK) * (-(-block_rows // 32) * 32)
        packed += AMX_SCRATCH
    return -(-(parameters + packed + 64) // 64) * 64
