"""The kernels that a convolution is, bound to places in its arguments and scratch.

Three in a row: find each image's range, quantize into a padded image, multiply; the
last is the indirect GEMM (igemm.py) or Winograd (winograd.py), as the plan says.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from qd8.geometry import Geometry, Window
from qd8.kernels import (
    cache,
    gemm,
    igemm,
    implicit_gemm,
    isa,
    launch,
    quantize,
    winograd,
)
from qd8.kernels.implicit_schedule import ImplicitSchedule
from qd8.kernels.launch import (
    ACCUMULATOR,
    GAP,
    OUT,
    SCRATCH,
    TAIL,
    TAIL_ARGUMENTS,
    At,
    X,
)
from qd8.kernels.vector import I16, U8
from qd8.kernels.winograd_schedule import WinogradSchedule
from qd8.pack import PackedWeights
from qd8.quantize import PART, kind
from qd8.winograd import PackedTwice
from qd8.workspace import address

Words = tuple[int | At, ...]


def convolution_steps(
    g: Geometry, window: Window, packed: PackedWeights, run_step: int,
    bounds: Sequence[int], dtype: np.dtype[Any], half: bool,
) -> list[launch.Step]:  # fmt: skip
    """Find ranges, quantize and pad, multiply.

    packed : where the plan is Winograd's, a :class:`PackedTwice`
    run_step : k of a run of taps as packed
    bounds : of the activation, as the bits of float32
    half : R16, the multiplier rounded to float16
    """
    tier, element = packed.tier.id, kind(dtype)
    image = At(SCRATCH)
    ranges, zero_point, scale, tasks = (At(SCRATCH, at) for at in g.offsets[:4])
    find: Words = (At(X), ranges, g.images, g.H * g.W * g.C, g.parts)
    write: Words = (
        *(At(X), ranges, g.parts, g.images, g.H, g.W, g.C, g.top, g.left),
        *(g.padded_H, g.padded_W, image, g.image_bytes, zero_point, scale, int(half)),
    )
    worth = max(1, g.images * g.H * g.W * g.C // PART)
    pitch = At(GAP, packed.N * packed.groups)
    tail: Words = (At(TAIL), At(TAIL_ARGUMENTS), pitch)
    stored = I16 if g.width == 2 else U8
    if isinstance(packed, PackedTwice) and isinstance(g.plan, WinogradSchedule):
        extents = packed.winograd.extents
        last = cache.kernel(
            winograd.winograd,
            *(tier, extents.lanes, extents.MR, extents.NR, g.plan.variant, element),
        )
        words = _winograd_words(g, g.plan, window, packed, image, tasks, scale)
    else:
        if isinstance(g.plan, ImplicitSchedule):
            last = cache.kernel(
                implicit_gemm.convolution, tier, packed.tier.NR, element
            )
            tail = (*tail, g.plan.row_pixels)
        else:
            tiles = isa.with_tile(packed.tier, g.plan.tile)
            last = cache.kernel(igemm.convolution, *gemm.constants(tiles), element)
            tail = (*tail, g.width * run_step)
        words = _igemm_words(g, window, packed, image, tasks, scale, zero_point)
    return [
        launch.Step(
            cache.kernel(quantize.image_ranges, tier, element),
            find,
            min(g.images * g.parts, g.plan.tasks),
        ),
        launch.Step(
            cache.kernel(quantize.quantize_images, tier, element, stored),
            write,
            min(g.images * g.padded_H, worth, g.plan.tasks),
        ),
        launch.Step(last, (*words, *bounds, *tail), g.plan.tasks),
    ]


def _igemm_words(
    g: Geometry, window: Window, packed: PackedWeights, image: At, tasks: At,
    scale: At, zero_point: At,
) -> Words:  # fmt: skip
    """Arguments of igemm.convolution and implicit_gemm.convolution, to the bounds."""
    KH, KW = window.kernel
    panels = packed.panels_of(isa.with_tile(packed.tier, g.plan.tile))
    I, O = g.C // packed.groups, packed.N * packed.groups
    pixel, row = g.width * g.C, g.width * g.padded_W * g.C
    # Where neighbouring taps touch, a whole kernel row is one run of bytes.
    touching = window.dilation[1] == 1 and packed.groups == 1
    return (
        *(image, g.image_bytes, address(panels), At(OUT), At(ACCUMULATOR)),
        *(g.images, g.OH, g.OW, O),
        *(window.stride[0] * row, window.stride[1] * pixel),
        *(KH, 1 if touching else KW),
        *(window.dilation[0] * row, window.dilation[1] * pixel),
        g.width * (KW * g.C if touching else I),
        *(packed.groups, g.width * I, packed.N, packed.blocks, panels.strides[0]),
        *(g.plan.block_rows, g.plan.grid_rows, g.plan.grid_columns),
        *(tasks, g.plan.scratch_bytes, scale, zero_point),
    )


def _winograd_words(
    g: Geometry, plan: WinogradSchedule, window: Window, packed: PackedTwice,
    image: At, tasks: At, scale: At,
) -> Words:  # fmt: skip
    """Arguments of winograd.winograd, up to the bounds."""
    weights = packed.winograd
    pixel, row = g.width * g.C, g.width * g.padded_W * g.C
    outputs, taps = window.stride, window.dilation
    pairs = [  # of words for rows and columns, or exchanged
        *((g.OH, g.OW), (outputs[0] * row, outputs[1] * pixel)),
        *((taps[0] * row, taps[1] * pixel), (g.OW, 1), window.dilation, plan.tiles),
    ]
    if plan.exchanged:
        pairs = [(x, y) for y, x in pairs]
    size, *rest = pairs
    return (
        *(image, g.image_bytes, address(weights.panels), At(OUT), At(ACCUMULATOR)),
        *(g.images, *size, packed.N, *(n for pair in rest for n in pair)),
        *(address(weights.ends), len(weights.ends)),
        *(address(weights.taps), len(weights.taps), weights.panels.shape[1]),
        *(plan.block_rows, plan.together, plan.grid_rows, plan.grid_columns),
        *(tasks, plan.scratch_bytes, plan.v_bytes, plan.m_step, scale),
    )
