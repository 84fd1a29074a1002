"""Runs of taps that are one piece of memory, and how far packing pads them."""

from typing import NamedTuple

from qd8.kernels.isa import Tier

TILE = 32  # rows of a full tile of AMX
# Cycles on Sapphire Rapids: of a tile's 64 k, of gathering 64 bytes, and a run.
STEP, COPY, RUN = 70, 5, 8


class Runs(NamedTuple):
    """Bytes of neighbouring taps of one group that are one piece of memory."""

    count: int
    length: int

    def step(self, tier: Tier, memory: str, panels: int) -> int:
        """k of a run as packed: padded to whole blocks where that serves a tile.

        Padded blocks are products more for each of the ``panels``; gathering is once
        for all of them. Both in cycles of a tile of full rows.
        """
        padded = -(-self.length // tier.KB) * tier.KB
        blocks = self.count * padded // tier.KB
        fewest = -(-self.count * self.length // tier.KB)
        gathered = panels * STEP * fewest + TILE * (COPY * fewest + RUN * self.count)
        serves = blocks == fewest or (
            memory != "small" and panels * STEP * blocks < gathered
        )
        return padded if tier.tile == "amx" and serves else self.length
