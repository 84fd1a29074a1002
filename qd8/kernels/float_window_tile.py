"""Depthwise convolution and pooling, emitted as SSA: lanes are channels (R20, R23).

A *strip* (float_window.py) is a line of outputs that have the same taps inside the
image. Where those taps are one of the window's usual sets, the code for them is
written out, every tap an address, several outputs at once, in one of two orders:
float_window_columns.py and float_window_taps.py. Other sets of taps run through
loops, as do fewer channels than lanes, under a mask.
"""

from qd8.kernels import isa
from qd8.kernels.float_tile import TILES
from qd8.kernels.float_window_columns import IN_REGISTERS, Columns
from qd8.kernels.float_window_operators import SHAPES
from qd8.kernels.float_window_strips import Choices, Operands, Taps
from qd8.kernels.float_window_taps import ByTaps
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter

LARGEST = 25  # taps that are written out
WIDEST = 2  # stride and dilation along x of those


def written_out(
    tier: isa.Tier, KH: int, KW: int, stride: int, dilation: int
) -> list[Taps]:
    """The sets of taps that have code of their own, in the order of their numbers.

    All of the window, and what a border leaves of it: at most half is cut off. None
    without hardware FMA, where a tap is some thirty instructions.
    """
    if not tier.hardware_fma or not 0 < KH * KW <= LARGEST:
        return []
    if max(stride, dilation) > WIDEST:
        return []
    found = []
    for y in _ranges(KH):
        for x in _ranges(KW):
            both = y != (0, KH) and x != (0, KW)
            if not both or KH * KW <= IN_REGISTERS:
                found.append((*y, *x))
    return found


def _ranges(K: int) -> list[tuple[int, int]]:
    cut = range(1, (K - 1) // 2 + 1)
    return [(0, K), *((n, K) for n in cut), *((0, K - n) for n in cut)]


@intrinsic(prefer_literal=True)
def window_strips(
    typingctx, tier, operator, registers, KH, KW, stride, dilation, kind, bounded,
    strips, count, x, row_step, column_step, pixel, weights, tap_step, line_step, bias,
    out, channels, blocks, lo, hi,
):  # fmt: skip
    """The outputs of ``count`` strips, in some blocks of so many registers of channels.

    Parameters
    ----------
    tier, operator, registers, KH, KW, stride, dilation, kind, bounded : literal int
        KH and KW may be 0: then no set of taps is written out, and ``stride`` and
        ``dilation``, those along x, do not matter. ``kind`` is that of the outputs;
        ``bounded`` says whether lo and hi matter.
    strips : int64
        Address of STRIP_WORDS int64 each.
    x, out : int64
        Addresses of the first channel, to which the strips' are relative; float32.
    row_step, column_step, pixel : int64
        Bytes from one tap to the next below, to the next on the right, and from one
        pixel to the next.
    weights, bias, tap_step, line_step : int64
        DEPTHWISE: addresses of float32, bytes from one tap to the next and from a
        line of taps to the next. A whole register may be read.
    channels : int64
        Where fewer than the lanes of the one register, only so many are read, written.
    blocks : int64
        How many times so many registers of channels, one behind the other; 1 in the
        order of float_window_columns.py.
    lo, hi : float32
    """
    choices = operator, registers, KH, KW, stride, dilation, kind, bounded

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        chosen = Choices(*(choice.literal_value for choice in choices))
        shape = SHAPES[TILES[e.tier.name].lanes][chosen.operator]
        order = ByTaps if shape.by_taps else Columns
        known = chosen.KH, chosen.KW, chosen.stride, chosen.dilation
        order(e, chosen, Operands(*args[9:])).emit(written_out(e.tier, *known))
        return context.get_dummy_value()

    integers = [types.int64] * 13
    signature = types.none(tier, *choices, *integers, types.float32, types.float32)
    return signature, codegen
