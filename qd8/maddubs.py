"""Weights packed for exact ``vpmaddubsw``, with the proof that no sum saturates.

The instruction adds two products of uint8 activations and int8 weights in int16. As
0 <= a <= 255, a sum of any number of products stays within 255 * 128 < 2^15 if the
positive weights among them sum to at most 128, and the negative ones to at least -128
(LIMIT). For two weights that fails only if they have one sign and are large. Three
ways out, each exact:

- *A complement turns a weight's sign*: a w = (255 - a)(-w) + 255 w, and the last term
  is a constant, added to the accumulators' start. So of a quad of four k (two pairs)
  there are four copies of activations to choose from, for each 8 columns.
- *A residual*: where no copy serves all 8 columns, the weights of the pair are halved,
  and the other halves become a second step with the same activations. Also where a
  weight of -128 would have to be complemented.
- *Bins*: steps whose sums together stay within LIMIT are added in int16 before they
  are widened, which saves instructions (kernels/bins.py). Nearly all steps can: of
  weights drawn from a normal distribution 90 % of 192 k, 99 % of 576.

With z the zero point and C the set of complemented (k, step), modulo 2^32:

    sum_k (q_k - z) w_k = sum_steps a' w' + 255 sum_C w - (z + 128) sum_k w

where a' is the copy, w' the stored weight, a = q + 128. ``correction`` is the second
term. Steps whose 32 weights are all 0 are left out.

The stream of a panel's 8 columns is laid out in kernels/tile_maddubs.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from qd8.kernels import bins as kernels
from qd8.kernels.gemm_memory import BINS, COLUMNS
from qd8.kernels.isa import Tier, with_maddubs
from qd8.kernels.launch import run_once
from qd8.kernels.maddubs_schedule import (
    GAIN,
    considered,
    fused,
    madd_row,
    maddubs_row,
)
from qd8.kernels.tile_maddubs import (
    COUNTS,
    HEADER,
    place,
)
from qd8.pack import MaddubsWeights, PackedWeights
from qd8.workspace import address, aligned

LIMIT = 128  # of the positive and of the negative weights whose products are added
REACH = 256  # steps that did not fit before a bin is closed
_CHUNK = 1 << 19  # weights packed at a time

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int64]


class Steps(NamedTuple):
    """Steps of several streams: 8 columns by 4 consecutive k each, in two pairs."""

    stream: Integers  # (steps,), ascending
    quad: Integers  # (steps,) which 4 k
    weight: Words  # (steps, 2 pairs, 8, 2)


class Bins(NamedTuple):
    """For each step: its copy, by pair, and the bin that it is in."""

    copy: Integers  # (steps, 2 pairs) 1 where the second element is complemented
    size: Integers  # (steps,) steps in its bin: 4, 3, 2 or 1
    bin: Integers  # (steps,) a number of its bin, which its bin alone has


def steps_of(weight: npt.NDArray[np.int8]) -> Steps:
    """Split (streams * 8, K) weights into steps, each of which some copy serves.

    The steps of a quad add up to its weights. K is a multiple of 4.
    """
    streams, K = len(weight) // COLUMNS, weight.shape[1]
    quads = weight.reshape(streams, COLUMNS, K // 4, 2, 2).transpose(0, 2, 3, 1, 4)
    main = quads.astype(np.int16)
    hard = ~(_loads(main) <= LIMIT).all(axis=-1).any(axis=-1)  # (streams, quads, 2)
    # Halves are as light as two steps can be: both may share a bin with others.
    both = np.stack([main, np.zeros_like(main)], axis=2)
    stream, quad, pair = np.nonzero(hard)
    both[stream, quad, 0, pair] = main[hard] // 2
    both[stream, quad, 1, pair] = main[hard] - main[hard] // 2
    stream, quad, which = np.nonzero(both.any(axis=(3, 4, 5)))
    return Steps(stream, quad, both[stream, quad, which])


def _loads(weight: Words) -> Words:
    """(..., 2 copies, 16): sums of positive and of -negative weights, of (..., 8, 2).

    Copy 1 complements the second of a pair; -128 has no negative and exceeds LIMIT.
    """
    first, second = weight[..., 0], weight[..., 1]
    up, down = np.maximum(first, 0), np.maximum(-first, 0)
    other, minus = np.maximum(second, 0), np.maximum(-second, 0)
    turned = np.where(minus > 127, np.int16(LIMIT + 1), minus)
    copies = ((up + other, down + minus), (up + turned, down + other))
    return np.stack([np.concatenate(copy, axis=-1) for copy in copies], axis=-2)


def bins_of(steps: Steps) -> Bins:
    """Choose a copy for each step and put together steps whose sums stay small."""
    loads = np.minimum(_loads(steps.weight), LIMIT + 1)  # more does not fit either
    loads = np.ascontiguousarray(loads, np.uint8)
    weight = loads.sum(axis=(1, 2, 3), dtype=np.int64)
    order = np.lexsort((-weight, steps.stream))
    ends = np.cumsum(np.bincount(steps.stream))
    copy = np.empty((len(order), 2), np.int64)
    bin_, size = np.empty_like(order), np.zeros_like(order)
    scratch = aligned(kernels.SCRATCH)
    words = (
        *(address(loads), address(order), address(ends), len(ends)),
        *(LIMIT, max(BINS), REACH),
        *(address(array) for array in (scratch, copy, bin_, size)),
    )
    run_once(kernels.fill_bins, (), words)
    return Bins(copy, size, bin_)


class Part(NamedTuple):
    """Consecutive streams, packed but for their headers."""

    counts: Integers  # (streams, 4) bins of four, three, two, one
    correction: npt.NDArray[np.int32]  # (streams, 8)
    offsets: npt.NDArray[np.int32]  # (steps,)
    weights: npt.NDArray[np.int8]  # (steps, 32)

    @classmethod
    def of(cls, weight: npt.NDArray[np.int8], MR: int) -> Self:
        """Pack (streams * 8, K) weights for tiles of ``MR`` rows."""
        steps = steps_of(weight)
        bins = bins_of(steps)
        order = np.lexsort((bins.bin, -bins.size, steps.stream))
        stream, copy, size = steps.stream[order], bins.copy[order], bins.size[order]
        stored, streams = steps.weight[order], len(weight) // COLUMNS
        complemented = stored[..., 1] * copy[:, :, None]  # (steps, 2, 8)
        correction = np.zeros((streams, COLUMNS), np.int64)
        np.add.at(correction, stream, 255 * complemented.sum(axis=1, dtype=np.int64))
        stored[..., 1] -= 2 * complemented
        offsets = place(steps.quad[order], copy @ (1, 2), MR)
        counts = np.zeros((streams, len(BINS)), np.int64)
        for k, steps_in_bin in enumerate(BINS):
            of_size = stream[size == steps_in_bin]
            counts[:, k] = np.bincount(of_size, minlength=streams) // steps_in_bin
        weights = stored.transpose(0, 2, 1, 3).reshape(-1, 4 * COLUMNS)
        return cls(
            counts,
            correction.astype(np.int32),  # modulo 2^32
            offsets.astype(np.int32),
            weights.astype(np.int8),
        )

    def proven(self) -> bool:
        """Whether no sum of what is stored can leave int16."""
        sizes = np.repeat(np.tile(BINS, len(self.counts)), self.counts.reshape(-1))
        pairs = self.weights.reshape(-1, 2 * COLUMNS, 2)
        starts = np.cumsum(sizes) - sizes
        for sign in (1, -1):
            ways = np.maximum(sign * pairs.astype(np.int16), 0).sum(-1, dtype=np.int16)
            if len(starts) and np.add.reduceat(ways, starts).max() > LIMIT:
                return False
        return int(sizes.sum()) == len(self.weights)


def choose(
    packed: PackedWeights, rows: int, path: str, memory: str
) -> tuple[PackedWeights, Tier, str]:
    """Find the tiles that multiply ``rows`` rows: those of the tier, or these.

    Returns the weights, packed for them too; the tier with those tiles; and why, ""
    where there was no choice. The first call packs, up to a second for 16 million
    weights; what does not pay is not kept.
    """
    tier = packed.tier
    other = with_maddubs(tier)
    if other is None or not considered(tier, rows, path, memory):
        return packed, tier, ""
    streams = packed.maddubs or pack_maddubs(packed)
    packed = replace(packed, maddubs=streams)
    if path == "maddubs":
        return packed, other, "vpmaddubsw: forced"
    shape = tier, packed.blocks, packed.groups * packed.count
    madd = madd_row(*shape, fused())
    cost = maddubs_row(*shape, streams.bins, fused())
    found = f"{cost:.0f} vector instructions a row, vpmaddwd {madd:.0f}"
    if cost * GAIN < madd:
        return packed, other, f"vpmaddubsw: {found}"
    # Only what it would cost is kept, lest every size packed them again.
    nothing = replace(streams, streams=streams.streams[:0], table=streams.table[:0])
    return replace(packed, maddubs=nothing), tier, f"vpmaddubsw would take {found}"


def pack_maddubs(packed: PackedWeights) -> MaddubsWeights:
    """Streams for ``vpmaddubsw`` of the weights that ``packed`` holds.

    Raises
    ------
    AssertionError
        If what was packed could saturate: a mistake of this file.
    """
    weight, groups, N = packed.weight(), packed.groups, packed.N
    K = packed.blocks * packed.tier.KB

    def by_stream(values: npt.NDArray[Any], *rest: int) -> npt.NDArray[Any]:
        padded = np.zeros((groups, packed.count * 2 * COLUMNS, *rest), values.dtype)
        some = values.reshape(groups, N, *values.shape[1:])
        padded[(slice(None), slice(N), *(slice(n) for n in values.shape[1:]))] = some
        return padded.reshape(-1, COLUMNS, *rest)

    padded = by_stream(weight, K)
    channels = [by_stream(-weight.sum(axis=1, dtype=np.int32))]
    channels += [by_stream(packed.channels(name)) for name in ("weight_scale", "bias")]
    step = max(1, _CHUNK // (COLUMNS * K))
    parts = []
    for first in range(0, len(padded), step):
        some = padded[first : first + step].reshape(-1, K)
        part = Part.of(some, packed.tier.MR)
        if not part.proven():
            raise AssertionError("packed weights could saturate vpmaddubsw")
        parts.append(part)
    return _laid_out(parts, channels)


def _laid_out(
    parts: Sequence[Part], channels: Sequence[npt.NDArray[Any]]
) -> MaddubsWeights:
    """Put streams one after the other; channels are ksum, weight_scale and bias."""
    counts = np.concatenate([part.counts for part in parts])
    steps = counts @ BINS
    begin = -(-(HEADER + 4 * steps) // 64) * 64  # of the weights
    sizes = begin + 4 * COLUMNS * steps
    sizes = -(-sizes // 64) * 64
    ends = np.cumsum(sizes)
    streams = aligned(int(ends[-1]))
    ksum, weight_scale, bias = channels
    at = 0
    for part in parts:
        done = 0
        for correction in part.correction:
            n, stream = int(steps[at]), streams[ends[at] - sizes[at] : ends[at]]
            _place(stream, 0, ksum[at], correction, weight_scale[at], bias[at])
            _place(stream, COUNTS, counts[at], begin[at : at + 1])
            _place(stream, HEADER, part.offsets[done : done + n])
            _place(stream, int(begin[at]), part.weights[done : done + n])
            at, done = at + 1, done + n
    table = (address(streams) + ends - sizes).astype(np.int64).reshape(-1, 2)
    bins = counts.sum(axis=0)
    return MaddubsWeights(streams, table, tuple(int(n) for n in bins))


def _place(stream: Bytes, at: int, *values: npt.NDArray[Any]) -> None:
    """Write arrays one after the other."""
    for value in values:
        raw = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        stream[at : at + len(raw)] = raw
        at += len(raw)
