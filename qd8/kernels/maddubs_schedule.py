"""Whether rows are multiplied by exact ``vpmaddubsw``: a pure function, nothing timed.

Both ways give the same bits. Time is estimated as vector instructions, which is what
both are bound by (docs/kernels.md, "The port limit").
"""

from collections.abc import Sequence

from qd8.kernels.gemm_memory import BINS, COLUMNS
from qd8.kernels.isa import Tier, target, with_maddubs

GAIN = 1.1  # it must be so much faster to be worth as many bytes again
# What beginning a stream costs a row, in vector instructions: its four loops end where
# no predictor sees it, some thirty cycles for a tile of six rows.
STREAM = 14
COPY = 0.5  # what an element costs more to pack in four copies than as int16


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


def fused() -> bool:
    """Whether LLVM makes one instruction of ``vpmaddwd`` and ``vpaddd``: AVX-VNNI.

    Then both ways take as many, and such a CPU has the better tier ``avxvnni``.
    """
    return "avxvnni" in target()[2]


def madd_row(tier: Tier, blocks: int, panels: int, fused: bool) -> float:
    """Vector instructions of ``vpmaddwd`` that multiply a row by so many panels."""
    vectors = panels * tier.NR // tier.lanes
    # A pair of k: the product, its addition, a share of sign-extending the weights.
    return tier.KB // 2 * blocks * vectors * (2 - fused + 1 / tier.MR)


def maddubs_row(
    tier: Tier, blocks: int, panels: int, bins: Sequence[int], fused: bool
) -> float:
    """The same by streams of so many bins of four, three, two and one step.

    A bin of n takes n products, n - 1 additions, a widening and an addition.
    """
    each = (2 * n + 1 - fused for n in BINS)
    products = sum(count * cost for count, cost in zip(bins, each, strict=True))
    streams = panels * tier.NR // COLUMNS
    return products + STREAM * streams + COPY * tier.KB * blocks
