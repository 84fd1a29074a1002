"""A fully connected layer whose halves are gated: f(first half, second half)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.fully_connected import FullyConnected, float_bits
from qd8.kernels import cache, gemm_memory, isa, launch, schedule
from qd8.kernels.chain import bind_gate
from qd8.kernels.chain_program import Program
from qd8.quantize import kind
from qd8.workspace import address, aligned

# Of L2, what products may take that wait for the chain, beside rows and panels; rows of
# a block. 256 x 1280 by 1280 x 10240 takes 5.2 ms instead of 5.7 with a quarter of
# L2, 1024 x 640 by 640 x 5120 7.4 instead of 7.9 with all rows at once.
SHARE, MOST_ROWS = 8, 512


class Gated:
    """A layer and the chain that reads the halves of its rows.

    Parameters
    ----------
    layer : FullyConnected
        Half of its N is a multiple of the tier's NR.
    program : Program
        Its pieces are the halves.
    operands : of the program, those that are no piece
    """

    def __init__(
        self,
        layer: FullyConnected,
        program: Program,
        operands: Sequence[npt.NDArray[Any]],
    ) -> None:
        self.layers = (layer,)
        self._program, self._operands = program, list(operands)

    def scratch_bytes(self, x: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that computing rows like ``x`` needs."""
        plan, tier = self._schedule(x.size // self.layers[0].K, threads)
        return plan.tasks * self._task_bytes(plan, tier, x.itemsize)

    def bind(
        self,
        x: npt.NDArray[Any],
        out: npt.NDArray[Any],
        threads: int,
        room: npt.NDArray[np.uint8] | None = None,
    ) -> list[launch.Call]:
        """Calls that compute ``out``, of half as many columns, from ``x``.

        room : scratch that calls running one after the other may share
        """
        (layer,) = self.layers
        M = x.size // layer.K
        plan, tier = self._schedule(M, threads)
        own = aligned(self.scratch_bytes(x, threads)) if room is None else room
        group = self._group(plan, tier, x.itemsize)
        pitch = 2 * group * tier.NR
        chain = bind_gate(self._program, self._operands, out, pitch)
        panels = layer.packed.panels_of(tier)
        words = [
            *(address(x), M, layer.K, layer.packed.blocks, panels.strides[0]),
            *(plan.block_rows, plan.grid_rows, plan.grid_columns),
            *(address(own), self._task_bytes(plan, tier, x.itemsize)),
            *(address(panels), layer.N, *(float_bits(each) for each in layer.bounds)),
            *(plan.scratch_bytes, group, *chain.words, len(chain.arguments)),
        ]
        kernel = cache.kernel(
            "gemm_gated.gated", *gemm_memory.constants(tier), kind(x.dtype)
        )
        return [launch.bind(kernel, words, plan.tasks, x, own, layer.packed, chain)]

    def _schedule(self, M: int, threads: int) -> tuple[schedule.Schedule, isa.Tier]:
        (layer,) = self.layers
        plan = layer.explain(M, threads).schedule
        tier = isa.with_tile(layer.packed.tier, plan.tile)
        rows = min(plan.block_rows, MOST_ROWS // tier.MR * tier.MR)
        return replace(plan, block_rows=rows), tier

    def _group(self, plan: schedule.Schedule, tier: isa.Tier, itemsize: int) -> int:
        """Panels of a half that are multiplied before the chain reads them."""
        panel = 2 * tier.NR * itemsize * plan.block_rows
        half = self.layers[0].N // tier.NR // 2
        most = min(max(tier.l2_bytes // SHARE // panel, 1), half)
        return -(-half // -(-half // most))

    def _task_bytes(
        self, plan: schedule.Schedule, tier: isa.Tier, itemsize: int
    ) -> int:
        """Bytes of scratch of one task: the layer's, the chain's words, products."""
        row = 2 * self._group(plan, tier, itemsize) * tier.NR * itemsize
        products = row * plan.block_rows
        return plan.scratch_bytes + gemm_memory.CHAIN_BYTES + -(-products // 64) * 64
