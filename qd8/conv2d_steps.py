"""The kernels that a convolution is, bound to places in its arguments and scratch.

Three in a row: find each image's range, quantize into a padded image, multiply; the
last is the indirect GEMM (igemm.py) or Winograd (winograd.py), as the plan says.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from qd8.geometry import Geometry
from qd8.kernels import (
    cache,
    gemm_memory,
    isa,
    launch,
)
from qd8.kernels.implicit_schedule import ImplicitSchedule
from qd8.kernels.kinds import I16, U8
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
from qd8.kernels.winograd_schedule import WinogradSchedule
from qd8.pack import PackedWeights
from qd8.quantize import PART, kind
from qd8.window import Window
from qd8.winograd import PackedTwice
from qd8.workspace import address

Words = tuple[int | At, ...]


class Convolution(NamedTuple):
    """A convolution at one input size: what its kernels are bound to.

    packed : where the plan is Winograd's, a :class:`PackedTwice`
    run_step : k of a run of taps as packed
    bounds : of the activation, as the bits of float32
    half : R16, the multiplier rounded to float16
    """

    g: Geometry
    window: Window
    packed: PackedWeights
    run_step: int
    bounds: Sequence[int]
    dtype: np.dtype[Any]
    half: bool

    @property
    def steps(self) -> list[launch.Step]:
        """Find ranges, quantize and pad, multiply."""
        return [*self.quantization, self.multiplication(0, self.g.OH)]

    @property
    def quantization(self) -> list[launch.Step]:
        """Find ranges; quantize and pad."""
        g, tier, element = self.g, self.packed.tier.id, kind(self.dtype)
        ranges, zero_point, scale, _ = (At(SCRATCH, at) for at in g.offsets[:4])
        H, W = (
            (n - 1) // step + 1
            for n, step in zip((g.H, g.W), self.window.spread, strict=True)
        )
        find: Words = (At(X), ranges, g.images, H * W * g.C, g.parts)
        write: Words = (
            *(At(X), ranges, g.parts, g.images, g.H, g.W, g.C, g.top, g.left),
            *(g.padded_H, g.padded_W, At(SCRATCH), g.image_bytes, zero_point, scale),
            *(int(self.half), *self.window.spread),
        )
        worth = max(1, g.images * g.H * g.W * g.C // PART)
        stored = I16 if g.width == 2 else U8
        return [
            launch.Step(
                cache.kernel("quantize.image_ranges", tier, element),
                find,
                min(g.images * g.parts, g.plan.tasks),
            ),
            launch.Step(
                cache.kernel("quantize.quantize_images", tier, element, stored),
                write,
                min(g.images * g.padded_H, worth, g.plan.tasks),
            ),
        ]

    def multiplication(
        self, first: int, rows: int, share: int | None = None
    ) -> launch.Step:
        """Make ``rows`` rows of outputs, from row ``first`` of each image on.

        They are written as if they were all: the first of them to the start of out.
        Of more images than one only all rows are.

        share : as one task, in the scratch of the task of this number
        """
        g, packed, plan = self.g, self.packed, self.g.plan
        if share is not None:
            plan = replace(plan, grid_rows=1, grid_columns=1)
            g = replace(g, plan=plan)
        tier, element = packed.tier.id, kind(self.dtype)
        _, zero_point, scale, tasks = (At(SCRATCH, at) for at in g.offsets[:4])
        tasks = At(SCRATCH, tasks.offset + (share or 0) * plan.scratch_bytes)
        row_bytes = self.window.stride[0] * g.width * g.padded_W * g.C
        image = At(SCRATCH, first * row_bytes)
        tail: Words = (
            *(At(TAIL), At(TAIL_ARGUMENTS), At(GAP, packed.N * packed.groups)),
        )
        if isinstance(packed, PackedTwice) and isinstance(plan, WinogradSchedule):
            extents = packed.winograd.extents
            last = cache.kernel(
                "winograd.winograd",
                *(tier, extents.lanes, extents.MR, extents.NR, plan.variant, element),
            )
            words = _winograd_words(
                g, plan, self.window, packed, image, tasks, scale, rows
            )
        else:
            if isinstance(plan, ImplicitSchedule):
                last = cache.kernel(
                    "implicit_gemm.convolution", tier, packed.tier.NR, element
                )
                tail = (*tail, plan.row_pixels)
            else:
                tiles = isa.with_tile(packed.tier, plan.tile)
                last = cache.kernel(
                    "igemm.convolution", *gemm_memory.constants(tiles), element
                )
                tail = (*tail, g.width * self.run_step)
            words = _igemm_words(
                g, self.window, packed, image, tasks, scale, zero_point, rows
            )
        return launch.Step(last, (*words, *self.bounds, *tail), plan.tasks)


def _igemm_words(
    g: Geometry, window: Window, packed: PackedWeights, image: At, tasks: At,
    scale: At, zero_point: At, rows: int,
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
        *(g.images, rows, g.OW, O),
        *(window.stride[0] * row, window.stride[1] * pixel),
        *(KH, 1 if touching else KW),
        *(window.dilation[0] * row, window.dilation[1] * pixel),
        g.width * (KW * g.C if touching else I),
        *(packed.groups, g.width * I, packed.N, packed.K, panels.strides[0]),
        *(g.plan.block_rows, g.plan.grid_rows, g.plan.grid_columns),
        *(tasks, g.plan.scratch_bytes, scale, zero_point),
    )


def _winograd_words(
    g: Geometry, plan: WinogradSchedule, window: Window, packed: PackedTwice,
    image: At, tasks: At, scale: At, rows: int,
) -> Words:  # fmt: skip
    """Arguments of winograd.winograd, up to the bounds."""
    weights = packed.winograd
    pixel, row = g.width * g.C, g.width * g.padded_W * g.C
    outputs, taps = window.stride, window.dilation
    tiles = plan.tiles
    if rows != g.OH:  # only without dilation, whose phases have tiles of their own
        tiles = -(-rows // (plan.outputs[0] // tiles[0])), tiles[1]
    pairs = [  # of words for rows and columns, or exchanged
        *((rows, g.OW), (outputs[0] * row, outputs[1] * pixel)),
        *((taps[0] * row, taps[1] * pixel), (g.OW, 1), window.dilation, tiles),
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
        *(tasks, plan.scratch_bytes, plan.v_bytes, plan.m_bytes, scale),
    )
