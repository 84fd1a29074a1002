"""Weights transformed and packed for exact integer Winograd, with their proof.

U = G w G^T for each output and input channel, rows of G scaled to integers
(winograd_transform.py), eight times the bytes of the int8 weights. A panel holds
NR output channels:

    [block of input channels][36 positions][K/2][NR][2] int16
    [weight_scale: NR f32][bias: NR f32]

The kernel recovers an accumulator from 26 of the 32 bits that it has of it. That is
exact while its magnitude is below 2^25, which is proved here from the weights:
differences q - zero_point lie in an interval of length 255 that contains 0, so

    |y| <= 255 * max(sum of the positive w, -sum of the negative w).

Input channels for which that is not below 2^25 are cut into blocks for which it is;
the kernel recovers each block's sum and adds them in int32, wrapping as R13 does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qd8.kernels.winograd_schedule import Extents
from qd8.kernels.winograd_transform import CHUNK, POSITIONS
from qd8.pack import PackedWeights
from qd8.workspace import aligned

LIMIT = 1 << 25  # magnitudes below it are recovered exactly
STEPS = 255  # the length of the interval of differences

# The rows of G: textbook rows times 12, 6, 6, 24, 24, 3 (winograd_transform.py).
G = ((3, 0, 0), (-1, -1, -1), (-1, 1, -1), (1, 2, 4), (1, -2, 4), (0, 0, 3))


@dataclass(frozen=True)
class WinogradWeights:
    """Panels of transformed weights."""

    extents: Extents
    panels: npt.NDArray[np.uint8]  # (count, panel_bytes)
    ends: npt.NDArray[np.int64]  # of the blocks of input channels, in chunks of 16

    @property
    def nbytes(self) -> int:
        """Bytes of all panels."""
        return int(self.panels.nbytes)


@dataclass(frozen=True)
class PackedTwice(PackedWeights):
    """Panels of the direct path with those of Winograd beside them."""

    winograd: WinogradWeights

    @property
    def nbytes(self) -> int:
        """Bytes of all panels of both."""
        return super().nbytes + self.winograd.nbytes


def proven_ends(weight: npt.NDArray[np.int8]) -> tuple[int, ...]:
    """Cut input channels into the fewest blocks whose sums are proved to be small.

    weight : (O, 3, 3, I) int8

    Returns where each block ends, in chunks of 16 channels. A chunk by itself always
    holds the proof: 255 * 128 * 9 * 16 < 2^25.
    """
    chunks = -(-weight.shape[3] // CHUNK)
    starts = np.arange(0, weight.shape[3], CHUNK)
    # 9 * 16 * 255 * 128 fits int32; of a chunk, so do the sums over taps.
    total = weight.sum(axis=(1, 2), dtype=np.int32)
    upward = np.maximum(weight, 0).sum(axis=(1, 2), dtype=np.int32)
    positive, negative = (
        np.add.reduceat(sums, starts, axis=1).astype(np.int64) * STEPS
        for sums in (upward, upward - total)
    )
    ends = []
    up, down = np.zeros((2, len(weight)), np.int64)
    for chunk in range(chunks):
        up, down = up + positive[:, chunk], down + negative[:, chunk]
        if max(up.max(), down.max()) >= LIMIT and chunk:
            ends.append(chunk)
            up, down = positive[:, chunk], negative[:, chunk]
    return (*ends, chunks)


def transformed(weight: npt.NDArray[np.int8]) -> npt.NDArray[np.int16]:
    """(36, O, I) int16 of (O, 3, 3, I) int8 weights: G w G^T."""
    # By axis 1, the kernel's rows and then its columns; every sum fits int16.
    matrix = np.array(G, np.int16)
    down = [np.tensordot(row, weight.astype(np.int16), (0, 1)) for row in matrix]
    return np.stack([np.tensordot(row, d, (0, 1)) for d in down for row in matrix])


def pack_winograd(
    weight: npt.NDArray[np.int8], ends: tuple[int, ...], packed: PackedWeights
) -> PackedTwice:
    """Put the panels of Winograd beside those of the direct path.

    weight : (O, 3, 3, I) int8, the weights that ``packed`` holds
    ends : of :func:`proven_ends`
    """
    extents = Extents.of(packed.tier)
    O, _, _, I = weight.shape
    NR, K = extents.NR, CHUNK * ends[-1]
    count = -(-O // NR)
    panels = aligned(count * extents.panel_bytes(ends[-1])).reshape(count, -1)
    padded = np.zeros((NR, 3, 3, K), np.int8)
    tail = 2 * POSITIONS * K * NR
    for p, panel in enumerate(panels):
        some = weight[NR * p : NR * (p + 1)]
        padded[: len(some), :, :, :I] = some
        padded[len(some) :] = 0
        u = transformed(padded).reshape(POSITIONS, NR, K // 2, 2).swapaxes(1, 2)
        at = begin = 0
        for end in ends:
            block = u[:, CHUNK // 2 * begin : CHUNK // 2 * end]
            raw = np.ascontiguousarray(block).reshape(-1).view(np.uint8)
            panel[at : at + len(raw)] = raw
            at, begin = at + len(raw), end
        # Scales of 1 beyond the last channel: 0 would look tiny to the epilogue.
        for place, which, rest in (
            (tail, "weight_scale", 1),
            (tail + 4 * NR, "bias", 0),
        ):
            channels = np.full(NR, rest, np.float32)
            channels[: len(some)] = packed.channels(which)[NR * p : NR * (p + 1)]
            panel[place : place + 4 * NR] = channels.view(np.uint8)
    fields = {name: getattr(packed, name) for name in PackedWeights.__match_args__}
    winograd = WinogradWeights(extents, panels, np.array(ends, np.int64))
    return PackedTwice(**fields, winograd=winograd)
