"""Float fully connected and convolution: strips of pixels times panels (R20).

A *strip* is a row of outputs that all have the same runs (float_tile.py) and whose
inputs are evenly spaced: all rows of a matrix; the interior of one image row; the
left border of an image, from top to bottom. Strips are found once, when a call is
bound, and gathered into *blocks* whose inputs stay in the second-level cache while
the panels pass by::

    for block of strips:  for panel:  for strip of the block:  for tile of the strip

float16 activations are widened first (R4), rows of a matrix block by block, images as
a whole: the tile reads float32 only. Its result is narrowed, once, on its way out.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.chain import apply_tail
from qd8.kernels.float_arguments import (
    Float,
    address,
    aligned,
    bounds_words,
    kind,
)
from qd8.kernels.float_pack import (
    PackedFloat,
    pack_bias,
    pack_conv2d_float,
    pack_fully_connected_float,
)
from qd8.kernels.float_schedule import ahead, schedule
from qd8.kernels.float_strips import STRIP_WORDS, Strips, conv2d_strips, row_strips
from qd8.kernels.float_tile import TILES, float_tile, has_masks, height_table
from qd8.kernels.float_unary import bind_cast, bind_rounded
from qd8.kernels.float_widen import widen
from qd8.kernels.jit import njit
from qd8.kernels.moves import copy_bytes
from qd8.kernels.scalars import real_word, word
from qd8.kernels.tail import NO_TAIL, Tail
from qd8.kernels.vector import F16, LANES


@njit
def _finish_strips(tail, arguments, strips, first, last, first_panel, last_panel,
                   group_panels, group_channels, NR):  # fmt: skip
    """Have the tail finish some panels' channels of strips ``first`` to ``last``."""
    begin = _channel(first_panel, group_panels, group_channels, NR)
    end = _channel(last_panel, group_panels, group_channels, NR)
    for s in range(first, last):
        strip = strips + s * 8 * STRIP_WORDS
        apply_tail(
            tail, arguments, word(strip, 2) + begin, word(strip, 4), end - begin,
            word(strip, 3),
        )  # fmt: skip


@njit
def _channel(panel, group_panels, group_channels, NR):
    """The channel at which a panel begins, or the panels end."""
    group, part = panel // group_panels, panel % group_panels
    return group * group_channels + part * NR


def _factory(source, TIER, KIND, NR, MR, WIDTH, MASKED):
    size = 2 if KIND == F16 else 4

    def float_gemm(task, tasks, args):
        source  # noqa: B018
        x, panels, biases, out, scratch = (
            word(args, 0), word(args, 1), word(args, 2), word(args, 3), word(args, 4)
        )  # fmt: skip
        strips, blocks, run_table, heights = (
            word(args, 5), word(args, 6), word(args, 7), word(args, 8)
        )  # fmt: skip
        K, group_panels, group_channels = word(args, 9), word(args, 10), word(args, 11)
        group_bytes, wide = word(args, 12), word(args, 13)
        lo, hi = real_word(args, 14), real_word(args, 15)
        block_shares, panel_shares, panel_tasks = (
            word(args, 16), word(args, 17), word(args, 18)
        )  # fmt: skip
        tail, tail_arguments, ahead = word(args, 19), word(args, 20), word(args, 22)
        scratch += task * word(args, 21)
        rows_task, panel_task = task // panel_tasks, task % panel_tasks
        for block in range(
            word(block_shares, rows_task), word(block_shares, rows_task + 1)
        ):
            base = x
            if KIND == F16 and wide:
                # Of rows of a matrix a block is one strip.
                strip = strips + word(blocks, block) * 8 * STRIP_WORDS
                base = scratch + (MR * NR + LANES) * 4
                count = word(strip, 4) * word(strip, 1) // 4
                widen(TIER, x + word(strip, 0) // 2, count, base)
                base -= word(strip, 0)
            last_panel = word(panel_shares, panel_task + 1)
            for p in range(word(panel_shares, panel_task), last_panel):
                group, part = p // group_panels, p % group_panels
                channel = group * group_channels + part * NR
                columns = min(NR, group_channels - part * NR)
                panel = panels + p * K * NR * 4
                bias = biases + p * NR * 4
                # Weights of a model come from beyond L2: the first tiles of a panel
                # ask for the next one, a line of each of its rows each.
                later = ahead if p + 1 < last_panel else 0
                further = later + NR * 4
                staged = not MASKED and columns % WIDTH != 0
                for s in range(word(blocks, block), word(blocks, block + 1)):
                    strip = strips + s * 8 * STRIP_WORDS
                    from_ = base + word(strip, 0) + group * group_bytes
                    x_step = word(strip, 1)
                    to = out + (word(strip, 2) + channel) * size
                    out_step = word(strip, 3) * size
                    count = word(strip, 4)
                    runs = run_table + word(strip, 5) * 24
                    run_count = word(strip, 6)
                    # Of a short strip, tiles may not be higher than the strip.
                    table = heights + min(count, MR) * (2 * MR + 1) * 8
                    done = 0
                    while done < count:
                        rows = word(table, min(count - done, 2 * MR))
                        done = min(done, count - rows)
                        at = to + done * out_step
                        float_tile(
                            TIER, KIND, rows, columns, from_ + done * x_step, x_step,
                            runs, run_count, panel, later, bias,
                            scratch if staged else at,
                            NR * size if staged else out_step, lo, hi,
                        )  # fmt: skip
                        if staged:
                            for r in range(rows):
                                line = scratch + r * NR * size
                                copy_bytes(at + r * out_step, line, columns * size)
                        done += rows
                        later = later + 64 if 0 < later < further - 64 else 0
            if tail:
                _finish_strips(
                    tail, tail_arguments, strips, word(blocks, block),
                    word(blocks, block + 1), word(panel_shares, panel_task),
                    word(panel_shares, panel_task + 1), group_panels, group_channels,
                    NR,
                )  # fmt: skip

    return float_gemm


def bind_conv2d_float(
    x: Float,
    weight: Float | PackedFloat,
    bias: npt.NDArray[np.float32] | None,
    out: Float,
    *,
    stride: tuple[int, int],
    padding: tuple[tuple[int, int], tuple[int, int]],
    dilation: tuple[int, int],
    groups: int,
    activation: str,
    threads: int,
    tail: Tail | None = None,
) -> list[launch.Call]:
    """Calls that make ``out`` the convolution of ``x`` (R20).

    Parameters
    ----------
    x : (N, H, W, C), out : (N, OH, OW, O), both float32 or both float16
        Or a float32 ``x``, which is first rounded in place to float16 as ``out`` is.
    weight : (O, KH, KW, C / groups) float32 or float16
        Or what ``pack_conv2d_float`` made of it under the current tier.
    bias : (O,) float32 or None
    padding : ((top, bottom), (left, right)), resolved
    threads : int
        How many tasks at most; the bits do not depend on it.
    tail : what is done to ``out`` besides
    """
    if not isinstance(weight, PackedFloat):
        weight = pack_conv2d_float(weight, groups=groups)
    kernel = weight.shape[1:3]
    pointwise = kernel == (1, 1) and stride == (1, 1) and padding == ((0, 0), (0, 0))
    if pointwise:
        strips = row_strips(x.size // x.shape[3], x.shape[3], out.shape[3], weight)
    else:
        strips = conv2d_strips(x.shape, out.shape, weight, stride, padding, dilation)
    return bind_strips(x, weight, bias, out, strips, activation, threads, tail)


def bind_fully_connected_float(
    x: Float,
    weight: Float | PackedFloat,
    bias: npt.NDArray[np.float32] | None,
    out: Float,
    *,
    activation: str,
    threads: int,
    tail: Tail | None = None,
) -> list[launch.Call]:
    """Calls that make ``out`` (..., N) of ``x`` (..., K), both of one dtype (R20).

    ``weight`` is (N, K) float32 or float16, or from ``pack_fully_connected_float``.
    """
    if not isinstance(weight, PackedFloat):
        weight = pack_fully_connected_float(weight)
    strips = row_strips(x.size // x.shape[-1], x.shape[-1], out.shape[-1], weight)
    return bind_strips(x, weight, bias, out, strips, activation, threads, tail)


def bind_strips(
    x: Float,
    packed: PackedFloat,
    bias: npt.NDArray[np.float32] | None,
    out: Float,
    strips: Strips,
    activation: str,
    threads: int,
    tail: Tail | None = None,
) -> list[launch.Call]:
    """Calls that make the outputs of ``strips``.

    ``x`` and ``out`` are of one dtype, or a float32 ``x`` is first rounded in place to
    float16, as ``out`` is.
    """
    if out.size == 0:
        return []
    tile = TILES[packed.tier]
    plan = schedule(strips, packed, tile, threads)
    calls, wide = [], 0
    if x.dtype == np.float16 and _is_matrix(strips):
        wide = int((plan.strips[:, 4] * plan.strips[:, 1]).max()) // 4
    elif x.dtype == np.float16:
        whole = np.empty(x.shape, np.float32)
        calls = bind_cast(x, whole, threads=threads)
        x = whole
    elif x.dtype != out.dtype:
        calls = bind_rounded(x, x, threads=threads)
    MR, NR = tile.heights[0], tile.NR
    heights = height_table(tile)
    biases = pack_bias(bias, packed)
    room = MR * NR + LANES + -(-wide // LANES) * LANES
    scratch = aligned((plan.tasks * room,))
    groups, group_panels, K, _ = packed.panels.shape
    words = (
        *map(address, (x, packed.panels, biases, out, scratch)),
        *map(address, (plan.strips, plan.blocks, strips.runs, heights)),
        *(K, group_panels, packed.shape[0] // groups),
        *(packed.shape[3] * 4, wide),
        *bounds_words(activation),
        *map(address, (plan.block_shares, plan.panel_shares)),
        len(plan.panel_shares) - 1,
        *(NO_TAIL if tail is None else tail.words),
        *(room * 4, ahead(strips, K * NR * 4)),
    )
    tier = isa.BY_NAME[packed.tier]
    kernel = cache.kernel(
        _factory, tier.id, kind(out), NR, MR, tile.lanes, int(has_masks(tier))
    )
    keep = (x, packed.panels, biases, out, scratch, plan, strips.runs, heights)
    return [*calls, launch.bind(kernel, words, plan.tasks, *keep, tail)]


def _is_matrix(strips: Strips) -> bool:
    """Whether the outputs are rows of one matrix product, each read as a whole.

    A convolution of one strip is none: its windows reach beyond the strip.
    """
    whole = len(strips.table) == len(strips.runs) == 1
    return whole and strips.table[0, 1] == 4 * strips.runs[0, 2]
