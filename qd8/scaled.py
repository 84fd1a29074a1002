"""A fully connected layer whose rows are multiplied by factors of their image first."""

from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.fully_connected import FullyConnected, float_bits
from qd8.kernels import cache, gemm_memory, isa, launch
from qd8.kernels.tail import NO_TAIL, Tail
from qd8.quantize import kind
from qd8.workspace import address, aligned, gap


class Scaled:
    """A layer over the pixels of images, and what multiplies their channels.

    Up to sixteen rows are multiplied at a time, in the first-level cache, so that the
    products are never in memory; their bits are those of R28.

    Parameters
    ----------
    layer : FullyConnected
    factors : (N, 1, 1, K), or one image's for all, of the dtype of the rows
    """

    def __init__(self, layer: FullyConnected, factors: npt.NDArray[Any]) -> None:
        self.layer, self._factors = layer, factors

    def scratch_bytes(self, x: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that computing rows like ``x`` needs."""
        plan = self.layer.explain(x.size // self.layer.K, threads).schedule
        return plan.tasks * self._task_bytes(plan.scratch_bytes, x.itemsize)

    def bind(
        self,
        x: npt.NDArray[Any],
        out: npt.NDArray[Any],
        threads: int,
        room: npt.NDArray[np.uint8] | None = None,
        tail: Tail | None = None,
    ) -> list[launch.Call]:
        """Calls that compute ``out`` from ``x``, as a layer's ``bind`` does."""
        layer, M = self.layer, x.size // self.layer.K
        plan = layer.explain(M, threads).schedule
        tier = isa.with_tile(layer.packed.tier, plan.tile)
        own = aligned(self.scratch_bytes(x, threads)) if room is None else room
        panels = layer.packed.panels_of(tier)
        images = self._factors.size // layer.K
        words = [
            *(address(x), 0, M, layer.K, layer.packed.blocks, panels.strides[0]),
            *(plan.block_rows, plan.grid_rows, plan.grid_columns, address(own)),
            *(self._task_bytes(plan.scratch_bytes, x.itemsize), 1),
            *(address(self._factors), M // images, plan.scratch_bytes),
            *(address(panels), address(out), layer.N),
            *(float_bits(bound) for bound in layer.bounds),
            *(NO_TAIL if tail is None else tail.words),
            layer.N + gap(out),
        ]
        kernel = cache.kernel(
            "gemm.fully_connected", *gemm_memory.constants(tier), kind(x.dtype)
        )
        keep = x, out, own, layer.packed, self._factors, tail
        return [launch.bind(kernel, words, plan.tasks, *keep)]

    def _task_bytes(self, layer_bytes: int, itemsize: int) -> int:
        """Bytes of scratch of one task: the layer's, then products."""
        products = gemm_memory.products_bytes(itemsize, self.layer.K)
        return layer_bytes + int(-(-products // 64) * 64)
