"""Weights transformed and packed for exact integer Winograd, with their proof.

U = G_y w G_x^T for each output and input channel and each block of taps, G of the
variant (winograd_variants.py); for F(4x4, 3x3) eight times the bytes of the int8
weights. A panel holds NR output channels:

    [block of input channels][position][block of taps][K/2][NR][2] int16
    [weight_scale: NR f32][bias: NR f32]

The kernel recovers an accumulator from the 26 or more of the 32 bits that it has of
it. That is exact while its magnitude is below the variant's limit, which is proved
here from the weights: differences q - zero_point lie in an interval of length 255
that contains 0, so

    |y| <= 255 * max(sum of the positive w, -sum of the negative w).

Input channels for which that is not below the limit are cut into blocks for which it
is; the kernel recovers each block's sum and adds them in int32, wrapping as R13 does.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from qd8.kernels.launch import run_once
from qd8.kernels.winograd_memory import CHUNK
from qd8.kernels.winograd_schedule import Extents
from qd8.kernels.winograd_variants import STEPS, VARIANTS, Matrix, Variant
from qd8.pack import PackedWeights
from qd8.records import field, record
from qd8.workspace import address, aligned


@record(frozen=True)
class WinogradWeights:
    """Panels of transformed weights."""

    extents: Extents
    panels: npt.NDArray[np.uint8]  # (count, panel_bytes)
    ends: npt.NDArray[np.int64]  # of the blocks of input channels, in chunks of 16
    taps: npt.NDArray[np.int64]  # (blocks of taps, 2): row and column of the first

    @property
    def nbytes(self) -> int:
        """Bytes of all panels."""
        return int(self.panels.nbytes)


@record(frozen=True)
class PackedTwice(PackedWeights):
    """Panels of the direct path with those of Winograd beside them."""

    winograd: WinogradWeights = field(kw_only=True)

    @property
    def nbytes(self) -> int:
        """Bytes of all panels of both."""
        return super().nbytes + self.winograd.nbytes


def proven_ends(weight: npt.NDArray[np.int8], variant: int) -> tuple[int, ...]:
    """Cut input channels into the fewest blocks whose sums are proved to be small.

    weight : (O, KH, KW, I) int8, of at most 64 taps

    Returns where each block ends, in chunks of 16 channels. A chunk by itself always
    holds the proof: 255 * 128 * 64 * 16 < 2^25.
    """
    limit = proof_limit(VARIANTS[variant])
    weight = np.ascontiguousarray(weight)
    O, KH, KW, I = weight.shape
    chunks = -(-I // CHUNK)
    sums = np.empty((2, O, chunks), np.int32)  # 64 * 16 * 128 fits
    words = [address(weight), address(sums[0]), address(sums[1]), O, KH * KW, I]
    run_once("weights.chunk_sums", [CHUNK], words)
    positive, negative = sums.astype(np.int64) * STEPS
    ends = []
    up, down = np.zeros((2, len(weight)), np.int64)
    for chunk in range(chunks):
        up, down = up + positive[:, chunk], down + negative[:, chunk]
        if max(up.max(), down.max()) >= limit and chunk:
            ends.append(chunk)
            up, down = positive[:, chunk], negative[:, chunk]
    return (*ends, chunks)


def proof_limit(variant: Variant) -> int:
    """Magnitudes of accumulators below it are recovered exactly."""
    return variant.limit


def transformed(
    weight: npt.NDArray[np.int8], variant: Variant
) -> npt.NDArray[np.int16]:
    """(positions, blocks of taps, ...) int16 of (KH, KW, ...) int8 weights.

    G_y w G_x^T of each block of taps; taps beyond the kernel are 0.
    """
    y, x = variant.y, variant.x
    KH, KW, *rest = weight.shape
    taps = variant.blocks((KH, KW))
    padded = np.zeros((taps[-1][0] + y.taps, taps[-1][1] + x.taps, *rest), np.int16)
    padded[:KH, :KW] = weight
    out = np.empty((y.products, x.products, len(taps), *rest), np.int16)
    for t, (row, column) in enumerate(taps):
        block = padded[row : row + y.taps, column : column + x.taps]
        for i, rows in enumerate(_sums(y.G, block)):
            for j, u in enumerate(_sums(x.G, rows)):
                out[i, j, t] = u
    return out.reshape(-1, *out.shape[2:])


def _sums(
    matrix: Matrix, values: npt.NDArray[np.int16]
) -> Iterator[npt.NDArray[np.int16]]:
    """Rows of ``matrix @ values`` along the first axis; every sum fits int16."""
    for row in matrix:
        terms = zip(row, values, strict=True)
        first, *others = (np.int16(a) * value for a, value in terms if a)
        yield sum(others, first)


def pack_winograd(
    weight: npt.NDArray[np.int8],
    variant: int,
    ends: tuple[int, ...],
    packed: PackedWeights,
) -> PackedTwice:
    """Put the panels of Winograd beside those of the direct path.

    weight : (O, KH, KW, I) int8 along the variant's axes, of the weights in ``packed``
    ends : of :func:`proven_ends`
    """
    extents, form = Extents.of(packed.tier), VARIANTS[variant]
    O, KH, KW, I = weight.shape
    NR, K = extents.NR, CHUNK * ends[-1]
    taps = form.blocks((KH, KW))
    tail = 2 * form.positions * len(taps) * K * NR
    count = -(-O // NR)
    panels = aligned(count * (tail + 8 * NR)).reshape(count, -1)
    padded = np.zeros((KH, KW, NR, K), np.int8)
    for p, panel in enumerate(panels):
        some = weight[NR * p : NR * (p + 1)]
        padded[:, :, : len(some), :I] = some.transpose(1, 2, 0, 3)
        padded[:, :, len(some) :] = 0
        pairs = padded.reshape(KH, KW, NR, K // 2, 2).swapaxes(2, 3)
        u = transformed(np.ascontiguousarray(pairs), form)
        at = begin = 0
        for end in ends:
            block = u[:, :, CHUNK // 2 * begin : CHUNK // 2 * end]
            size = block.nbytes
            panel[at : at + size].view(np.int16).reshape(block.shape)[...] = block
            at, begin = at + size, end
        # Scales of 1 beyond the last channel: 0 would look tiny to the epilogue.
        for place, which, rest in (
            (tail, "weight_scale", 1),
            (tail + 4 * NR, "bias", 0),
        ):
            channels = np.full(NR, rest, np.float32)
            channels[: len(some)] = packed.channels(which)[NR * p : NR * (p + 1)]
            panel[place : place + 4 * NR] = channels.view(np.uint8)
    fields = {name: getattr(packed, name) for name in PackedWeights.__match_args__}
    winograd = WinogradWeights(
        extents, panels, np.array(ends, np.int64), np.array(taps, np.int64)
    )
    return PackedTwice(**fields, winograd=winograd)
