"""Float weights as panels: what the register tile streams.

Columns are cut into panels of NR; a panel is (K, NR) float32, so that one k of NR
output channels is one or two registers. The last panel of each group is filled up
with zero columns, whose outputs nobody stores. Packing happens once, at load.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels import isa
from qd8.kernels.float_arguments import Float, aligned
from qd8.kernels.float_extents import TILES
from qd8.kernels.kinds import LANES


class PackedFloat(NamedTuple):
    """Float weights of a GEMM or convolution, packed for the tile of one tier."""

    panels: npt.NDArray[np.float32]  # (groups, panels of a group, K, NR)
    shape: tuple[int, int, int, int]  # (O, KH, KW, I); (N, 1, 1, K) fully connected
    tier: str

    @property
    def groups(self) -> int:
        return self.panels.shape[0]


def pack_conv2d_float(weight: Float, *, groups: int = 1) -> PackedFloat:
    """Pack (O, KH, KW, I / groups) float32 or float16 for the current tier.

    float16 is widened exactly (R4). K runs over (ky, kx, c).
    """
    tier = isa.current().name
    NR = TILES[tier].NR
    O, KH, KW, I = weight.shape
    K, channels = KH * KW * I, O // groups
    count = -(-channels // NR)
    padded = np.zeros((groups, count * NR, K), np.float32)
    padded[:, :channels] = weight.reshape(groups, channels, K)
    panels = aligned((groups, count, K, NR))
    panels[:] = padded.reshape(groups, count, NR, K).transpose(0, 1, 3, 2)
    return PackedFloat(panels, (O, KH, KW, I), tier)


def pack_fully_connected_float(weight: Float) -> PackedFloat:
    """Pack (N, K) float32 or float16 for the current tier."""
    N, K = weight.shape
    return pack_conv2d_float(weight.reshape(N, 1, 1, K))


def pack_bias(
    bias: npt.NDArray[np.float32] | None, packed: PackedFloat
) -> npt.NDArray[np.float32]:
    """(groups, panels of a group, NR) float32; a missing bias is +0.0 (R20)."""
    groups, count, _, NR = packed.panels.shape
    out = np.zeros((groups, count * NR), np.float32)
    if bias is not None:
        out[:, : len(bias) // groups] = bias.reshape(groups, -1)
    return out.reshape(groups, count, NR)


class PackedDepthwise(NamedTuple):
    """Depthwise weights; C channels of output."""

    taps: npt.NDArray[np.float32]  # (KH, KW, C rounded up to LANES)
    channels: int


def pack_depthwise_conv2d(weight: Float) -> PackedDepthwise:
    """Pack (1, KH, KW, C) float32 or float16, widened exactly (R4)."""
    _, KH, KW, C = weight.shape
    taps = aligned((KH, KW, -(-C // LANES) * LANES))
    taps[..., C:] = 0
    taps[..., :C] = weight[0]
    return PackedDepthwise(taps, C)
