"""Weights packed once, into the panels that a tier's tiles read.

A panel holds NR output channels:

    [ksum: NR int32][weights: K/KR x NR x KR int8][weight_scale: NR f32][bias: NR f32]

``ksum`` is ``-sum_k w`` modulo 2^32. K is padded to whole blocks of the tier's KB
and the last panel to NR columns, both with zeros, which add nothing. The bias is
flushed here (R14), so that no kernel has to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8 import settings
from qd8.kernels import cache, launch
from qd8.kernels.isa import Tier
from qd8.records import record
from qd8.workspace import address, aligned


@record(frozen=True)
class MaddubsWeights:
    """Streams of 8 columns for exact ``vpmaddubsw`` (maddubs.py)."""

    streams: npt.NDArray[np.uint8]
    table: npt.NDArray[np.int64]  # (panels, 2) addresses of the streams of each panel
    bins: tuple[int, ...]  # of four, three, two and one step, in all streams

    @property
    def nbytes(self) -> int:
        """Bytes of all streams and of the table."""
        return int(self.streams.nbytes + self.table.nbytes)


@record(frozen=True)
class PackedWeights:
    """Panels of one tier; ``groups`` times ``count`` of them, one after the other."""

    tier: Tier
    panels: npt.NDArray[np.uint8]  # (groups * count, panel_bytes)
    groups: int
    N: int  # output channels of a group
    K: int
    blocks: int  # K padded, in units of the tier's KB
    maddubs: MaddubsWeights | None = None  # the same weights, beside the panels

    @property
    def count(self) -> int:
        """Panels of a group."""
        return -(-self.N // self.tier.NR)

    @property
    def panel_bytes(self) -> int:
        """Bytes of one panel."""
        return int(self.panels.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of all panels, and of the streams beside them."""
        beside = self.maddubs.nbytes if self.maddubs else 0
        return int(self.panels.nbytes) + beside

    def panels_of(self, tier: Tier) -> npt.NDArray[Any]:
        """What a tile of ``tier`` reads: a row for each panel, or for its streams."""
        if tier.tile == "maddubs" and self.maddubs:
            return self.maddubs.table
        return self.panels

    def _parts(self) -> tuple[slice, slice, slice, slice]:
        """ksum, weights, weight_scale and bias within a panel."""
        NR = self.tier.NR
        ends = np.cumsum([0, 4 * NR, self.blocks * self.tier.KB * NR, 4 * NR, 4 * NR])
        parts = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        return parts[0], parts[1], parts[2], parts[3]

    def weight(self) -> npt.NDArray[np.int8]:
        """The (groups * N, K) int8 weights again."""
        tier = self.tier
        out = np.empty((self.groups * self.N, self.K), np.int8)
        words = [address(out), address(self.panels), self.groups, self.N, self.K]
        words += [self.count, self.panel_bytes]
        launch.run_once("panels.unpack_panels", (tier.NR, tier.KR, tier.KB), words)
        return out

    def channels(self, which: str) -> npt.NDArray[np.float32]:
        """The (groups * N,) float32 "weight_scale" or flushed "bias" again."""
        part = self._parts()[2 if which == "weight_scale" else 3]
        values = np.ascontiguousarray(self.panels[:, part]).view(np.float32)
        return values.reshape(self.groups, -1)[:, : self.N].reshape(-1)


class Waiting:
    """Panels that are to be filled, and what they are filled from."""

    def __init__(self) -> None:
        self._calls: list[launch.Call] = []

    def add(self, call: launch.Call) -> None:
        """Have ``call`` wait for the next `fill`."""
        self._calls.append(call)

    def fill(self) -> None:
        """Fill the panels, on all threads."""
        launch.run(self._calls)
        self._calls = []


_waiting: ContextVar[Waiting | None] = ContextVar("qd8_waiting", default=None)


@contextmanager
def together() -> Iterator[Waiting]:
    """Let the panels of layers that are built within the block wait to be filled.

    Weights pass through all caches, and Python that runs between two of them begins
    with none of its own: EfficientNetV2-B0's 75 layers take 4.9 ms so, 6.3 one by one,
    besides the filling. And all threads fill: Inception-v3's 24 MB in 7.6 ms, on one
    thread in 12.4 (Sapphire Rapids).

    Layers that were built before an exception, an interrupt say, are filled too: who
    packs may remember them.
    """
    waiting = Waiting()
    token = _waiting.set(waiting)
    try:
        yield waiting
    finally:
        _waiting.reset(token)
        waiting.fill()


def pack(
    weight: npt.NDArray[np.int8],
    weight_scale: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32] | None,
    tier: Tier,
    groups: int = 1,
) -> PackedWeights:
    """Pack (groups * N, K) weights for ``tier``.

    Within `together` the panels are filled later.
    """
    channels, K = weight.shape
    N = channels // groups
    NR, KB = tier.NR, tier.KB
    count, blocks = -(-N // NR), -(-K // KB)
    panel_bytes = 4 * NR + blocks * KB * NR + 8 * NR
    panels = aligned(groups * count * panel_bytes).reshape(-1, panel_bytes)
    weight, scale = np.ascontiguousarray(weight), np.ascontiguousarray(weight_scale)
    given = None if bias is None else np.ascontiguousarray(bias)
    words = [address(weight), address(scale), 0 if given is None else address(given)]
    words += [address(panels), groups, N, K, count, blocks, panel_bytes]
    kernel = cache.kernel("panels.pack_panels", NR, tier.KR, KB)
    tasks = min(settings.get_num_threads(), groups * count)
    call = launch.bind(kernel, words, tasks, weight, scale, given, panels)
    if (waiting := _waiting.get()) is None:
        launch.run([call])
    else:
        waiting.add(call)
    return PackedWeights(tier, panels, groups, N, K, blocks)
