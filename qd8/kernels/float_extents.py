"""The shapes of the tiers' float tiles (float_tile.py)."""

from typing import NamedTuple


class FloatTile(NamedTuple):
    """The shapes of a tier's tiles."""

    lanes: int  # float32 in one register
    NR: int  # columns of a panel
    heights: tuple[int, ...]  # rows of the tiles there are, descending, down to 1
    unroll: int  # k in one step of the inner loop


TILES = {
    # Without hardware FMA an fma is some thirty instructions: nothing to unroll.
    "generic": FloatTile(4, 8, (4, 1), 1),
    "avx2": FloatTile(8, 16, (6, 5, 4, 2, 1), 4),
    "avxvnni": FloatTile(8, 16, (6, 5, 4, 2, 1), 4),
    "avx512vnni": FloatTile(16, 32, (12, 8, 4, 2, 1), 4),
    "amx": FloatTile(16, 32, (12, 8, 4, 2, 1), 4),
}
