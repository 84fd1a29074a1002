"""Which rows of each stage a band makes, reads, holds and moves: a pure function.

Each stage's output is held only as far as the next stage still reads it. Rows that two
bands read are moved to the front of the buffer rather than made again.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

STEP, LEAST = 4, 2  # bands are whole fours of rows where they are higher; at least two


class Rows(NamedTuple):
    """How rows of a stage's outputs read rows of its inputs.

    top : rows of padding above; inputs : rows of the whole input
    """

    kernel: int
    stride: int
    top: int
    inputs: int

    def read(self, first: int, last: int) -> tuple[int, int, tuple[int, int]]:
        """(first, last + 1) of the rows that outputs read, and the padding there."""
        begin = first * self.stride - self.top
        end = (last - 1) * self.stride - self.top + self.kernel
        sides = max(-begin, 0), max(end - self.inputs, 0)
        return max(begin, 0), min(end, self.inputs), sides


class Piece(NamedTuple):
    """The rows ``first`` to ``last`` of a stage's output, made for one band.

    read, padding : the rows of its input for them, as `Rows.read` says
    base : row of its output that is first in its buffer
    kept, held : rows that are moved there before, and where they are in the buffer
    """

    first: int
    last: int
    read: tuple[int, int] = (0, 0)
    padding: tuple[int, int] = (0, 0)
    base: int = 0
    kept: int = 0
    held: int = 0


class _Buffer:
    """Rows ``base`` to ``end`` of a stage's output, which are held."""

    def __init__(self) -> None:
        self.base = self.end = self.rows = 0

    def hold(self, low: int, high: int) -> Piece:
        """Let rows ``low`` to ``high`` be held; return what must be made for that."""
        kept, held = max(self.end - low, 0), low - self.base
        if 0 < held < kept:
            kept = 0  # moved, they would overlap where they are
        if held < 0:
            kept = 0  # the reader makes rows again for which these are gone
        end = max(high, low + kept)
        self.base, self.end, self.rows = low, end, max(self.rows, end - low)
        return Piece(low + kept, end, base=low, kept=kept if held else 0, held=held)


def cut(
    stages: Sequence[Rows], first: int, last: int, height: int
) -> list[list[Piece]]:
    """Cut rows ``first`` to ``last`` of the last stage into bands of ``height``.

    Returns
    -------
    For each band a piece of each stage, perhaps of no row.
    """
    buffers = [_Buffer() for _ in stages[1:]]
    bands = []
    for begin in range(first, last, height):
        piece = Piece(begin, min(begin + height, last))
        band = []
        for i in reversed(range(len(stages))):
            if piece.first == piece.last:
                band.append(piece)
                piece = Piece(0, 0)
                continue
            low, high, padding = stages[i].read(piece.first, piece.last)
            band.append(piece._replace(read=(low, high), padding=padding))
            if i:
                piece = buffers[i - 1].hold(low, high)
        bands.append(band[::-1])
    return bands


def held_rows(bands: Sequence[Sequence[Piece]]) -> list[int]:
    """Rows that the buffer of each stage but the last holds at most."""
    return [
        max(piece.last - piece.base for piece in stage)
        for stage in list(zip(*bands, strict=True))[:-1]
    ]


def bands_within(
    stages: Sequence[Rows], first: int, last: int, row_bytes: Sequence[int], budget: int
) -> list[list[Piece]]:
    """Return the fewest bands whose buffers take ``budget`` bytes together.

    first, last : rows of the last stage
    row_bytes : of each stage's output but the last's
    """
    heights = [-(-(last - first) // count) for count in range(1, last - first + 1)]
    # Of whole tiles of Winograd, and of pooled rows; many counts share a height.
    heights = [-(-h // STEP) * STEP if h > STEP else h for h in heights]
    for height in dict.fromkeys(heights):
        # The buffers of all bands hold no less than those of the first one alone.
        for end in (min(first + height, last), last):
            found = cut(stages, first, end, height)
            held = sum(map(prod, zip(held_rows(found), row_bytes, strict=True)))
            if held > budget and height > LEAST:
                break
        else:
            break
    return found
