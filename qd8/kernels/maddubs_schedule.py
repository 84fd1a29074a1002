"""Whether rows are multiplied by exact ``vpmaddubsw``: a pure function, nothing timed.

Both ways give the same bits. Time is estimated as vector instructions, which is what
both are bound by (docs/kernels.md, "The port limit").
"""

from qd8.kernels.isa import Tier, with_maddubs

GAIN = 1.08  # it must be so much faster to be worth as many bytes again


def considered(tier: Tier, rows: int, path: str, memory: str) -> bool:
    """Whether the weights' streams are worth looking at for so many rows.

    path : "maddubs" or another to force one, "" to choose
    memory : "small" keeps to the bytes of the int8 weights
    """
    if with_maddubs(tier) is None:
        return False
    if path:
        return path == "maddubs"
    # Fewer rows than a tile has read more bytes of weights, and are bound by that.
    return memory == "fast" and rows >= tier.MR


def madd_row(tier: Tier, blocks: int, count: int) -> float:
    """Vector instructions of ``vpmaddwd`` that multiply a row by ``count`` panels."""
    vectors = tier.NR // tier.lanes
    # A pair of k: vpmaddwd and vpaddd, and a share of sign-extending the weights.
    return tier.KB // 2 * blocks * count * vectors * (2 + 1 / tier.MR)


def maddubs_row(instructions: int, tier: Tier, blocks: int) -> float:
    """The same by streams; four complemented copies of a quad cost four."""
    return instructions + tier.KB * blocks
