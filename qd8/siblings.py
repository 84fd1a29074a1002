"""Fully connected layers that read the same rows: each row is quantized once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.fully_connected import FullyConnected, float_bits
from qd8.kernels import cache, gemm_memory, isa, launch, schedule
from qd8.pack import PackedWeights
from qd8.quantize import kind
from qd8.workspace import address, aligned, gap


class Siblings:
    """Several layers as one call of the kernel that each of them would call.

    A row's steps depend on the row alone, so the bits are those of the layers.

    Parameters
    ----------
    layers : FullyConnected, all of the same K and tier
    """

    def __init__(self, layers: Sequence[FullyConnected]) -> None:
        if len({(layer.K, layer.packed.tier) for layer in layers}) != 1:
            raise ValueError("siblings need the same K and the same tier")
        self.layers = tuple(layers)

    @property
    def K(self) -> int:
        """Input channels."""
        return self.layers[0].K

    def scratch_bytes(self, x: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that computing rows like ``x`` needs."""
        plan, _ = self._schedule(x.size // self.K, threads)
        return plan.tasks * plan.scratch_bytes

    def bind(
        self,
        x: npt.NDArray[Any],
        outs: Sequence[npt.NDArray[Any]],
        threads: int,
        room: npt.NDArray[np.uint8] | None = None,
    ) -> list[launch.Call]:
        """Calls that compute all ``outs`` from ``x``, C-contiguous and checked.

        outs : of each layer; rows may lie further apart than they are long
        room : scratch that calls running one after the other may share
        """
        M = x.size // self.K
        plan, tier = self._schedule(M, threads)
        own = aligned(self.scratch_bytes(x, threads)) if room is None else room
        first = self.layers[0].packed
        words = [
            *(address(x), 0, M, self.K),
            *(first.blocks, first.panels_of(tier).strides[0]),
            *(plan.block_rows, plan.grid_rows, plan.grid_columns),
            *(
                address(own),
                plan.scratch_bytes,
                len(self.layers),
                *gemm_memory.NO_FACTORS,
            ),
        ]
        for layer, out in zip(self.layers, outs, strict=True):
            words += [address(layer.packed.panels_of(tier)), address(out), layer.N]
            words += [float_bits(bound) for bound in layer.bounds]
            words += [0, 0, layer.N + gap(out)]
        kernel = cache.kernel(
            "gemm.fully_connected", *gemm_memory.constants(tier), kind(x.dtype)
        )
        packed: list[PackedWeights] = [layer.packed for layer in self.layers]
        return [launch.bind(kernel, words, plan.tasks, x, outs, own, packed)]

    def explain(self, M: int, threads: int) -> schedule.Explanation:
        """Say which kernel, tile and schedule ``M`` rows get, and why."""
        plan, _ = self._schedule(M, threads)
        packed = sum(layer.packed.nbytes for layer in self.layers)
        return schedule.Explanation(
            plan, packed, sum(layer.N * layer.K for layer in self.layers)
        )

    def _schedule(self, M: int, threads: int) -> tuple[schedule.Schedule, isa.Tier]:
        """The schedule of all panels; another tile than the tier's if all want it."""
        tier = self.layers[0].packed.tier
        tiles = {layer.explain(M, threads).schedule.tile for layer in self.layers}
        if len(tiles) == 1:
            tier = isa.with_tile(tier, tiles.pop())
        panels = sum(-(-layer.N // tier.NR) for layer in self.layers)
        plan = schedule.fully_connected(M, self.K, panels * tier.NR, threads, tier)
        return plan.because(f"{len(self.layers)} layers on the same rows"), tier
