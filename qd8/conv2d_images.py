"""A convolution that quantizes images: packs weights, chooses schedules, binds."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.deferred import Deferred
from qd8.kernels import isa, launch
from qd8.kernels.runs import Runs
from qd8.pack import PackedWeights, pack
from qd8.packed_layer import REMEMBERED, PackedLayer, packing
from qd8.window import Window

# What packs needs none of these: whoever binds a call imports them.
if TYPE_CHECKING:
    from qd8 import conv2d_steps, geometry, maddubs, quantize, winograd
    from qd8.kernels import (
        implicit_schedule,
        schedule,
        winograd_schedule,
        winograd_variants,
    )
else:
    conv2d_steps, geometry, maddubs, quantize, winograd = (
        Deferred(f"qd8.{name}")
        for name in ("conv2d_steps", "geometry", "maddubs", "quantize", "winograd")
    )
    implicit_schedule, schedule, winograd_schedule, winograd_variants = (
        Deferred(f"qd8.kernels.{name}")
        for name in (
            "implicit_schedule",
            "schedule",
            "winograd_schedule",
            "winograd_variants",
        )
    )


class Wish(NamedTuple):
    """What a second packing takes and what it gives.

    nbytes : of the weights
    saved : cycles of one call, as the schedule estimates
    """

    nbytes: int
    saved: float


class ImageConvolution(PackedLayer):
    """A convolution of images at any size; arguments are checked by its owner.

    Parameters
    ----------
    weight : (O, KH, KW, I / groups) int8
    weight_scale : (O,) float32
    bias : (O,) float32 or None
    window : of the taps
    groups : int
    bounds : of the activation, as the bits of float32
    half_scale : R16, multipliers of float16 images are rounded to float16
    """

    def __init__(
        self,
        weight: npt.NDArray[np.int8],
        weight_scale: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32] | None,
        window: Window,
        *,
        groups: int,
        bounds: Sequence[int],
        half_scale: bool,
    ) -> None:
        super().__init__()
        self.shape, self.window, self.groups = weight.shape, window, groups
        self.half_scale, self._bounds = half_scale, bounds
        tier = isa.current()
        panels = -(-(len(weight) // groups) // tier.NR)
        self._run_step = self._runs.step(tier, self._memory, panels)
        flat = _spaced(weight.reshape(len(weight), *self._runs), self._run_step)
        self.packed = pack(flat, weight_scale, bias, tier, groups)
        self._plans: dict[tuple[Any, ...], schedule.Schedule] = {}

    @property
    def weight(self) -> npt.NDArray[np.int8]:
        """(O, KH, KW, I / groups) int8, unpacked from the panels."""
        runs = self.packed.weight().reshape(self.shape[0], self._runs.count, -1)
        return runs[..., : self._runs.length].reshape(self.shape)

    @property
    def _runs(self) -> Runs:
        """Taps whose activations are one piece of memory."""
        _, KH, KW, I = self.shape
        touching = self.window.dilation[1] == 1 and self.groups == 1
        return Runs(KH, KW * I) if touching else Runs(KH * KW, I)

    def _made(self, x: npt.NDArray[Any], threads: int) -> launch.Program:
        whole = self.whole(x, threads)
        return launch.Program(whole.steps, whole.g.scratch_bytes)

    def whole(self, x: npt.NDArray[Any], threads: int) -> "conv2d_steps.Convolution":
        """What binds kernels for images like ``x``."""
        g = self._geometry(self.window.met(x.shape), threads)
        half = self.half_scale and x.dtype == np.float16
        return conv2d_steps.Convolution(
            *(g, self.window, self._packed_for(g.plan), self._run_step),
            *(self._bounds, x.dtype, half),
        )

    def _geometry(self, shape: tuple[int, ...], threads: int) -> "geometry.Geometry":
        n, H, W, C = shape
        plan = self._plan(n, H, W, threads)
        words = plan.tile == "madd" or isinstance(
            plan, winograd_schedule.WinogradSchedule
        )
        parts = max(1, min(threads, H * W * C // quantize.PART))
        return geometry.geometry(shape, self.window, plan, 2 if words else 1, parts)

    def _plan(self, n: int, H: int, W: int, threads: int) -> "schedule.Schedule":
        """The schedule of ``n`` images of H x W, remembered."""
        key = (n, H, W, threads, self._memory)
        if (found := self._plans.get(key)) is None:
            if len(self._plans) >= REMEMBERED:
                self._plans.clear()
            found = self._plans[key] = self._scheduled(n, H, W, threads)
        return found

    def _scheduled(self, n: int, H: int, W: int, threads: int) -> "schedule.Schedule":
        tier, K, N = self.packed.tier, self.packed.K, self.packed.N
        OH, OW, _, _ = self.window.extents(H, W)
        plan = schedule.convolution(n, OH * OW, K, N, threads, tier)
        refused = winograd_schedule.refusal(tier, self._path, self._memory)
        if self._variant is not None and refused is not None:
            plan = plan.because(refused)
        elif self._variant is not None:
            variant, exchanged = self._variant
            layer = winograd_schedule.Layer(
                *(
                    n,
                    OH,
                    OW,
                    self.shape[3],
                    N,
                    self.window.kernel,
                    self.window.dilation,
                ),
                *(variant, exchanged, self._proven),
            )
            plan = winograd_schedule.choose(
                layer, plan, threads, tier, self._path, self._memory
            )
            if isinstance(plan, winograd_schedule.WinogradSchedule) and not plan.close:
                return plan
        with packing:
            self.packed, other, why = maddubs.choose(
                self.packed, OH * OW, self._path, self._memory
            )
        if other.tile != tier.tile:
            plan = schedule.convolution(n, OH * OW, K, N, threads, other)
        elif isinstance(plan, winograd_schedule.WinogradSchedule):
            return plan
        else:
            plan = self._implicit(n, H, W, threads, plan)
        return plan.because(why)

    def _implicit(
        self, n: int, H: int, W: int, threads: int, gathered: "schedule.Schedule"
    ) -> "schedule.Schedule":
        """``gathered``, or tiles that read the image where it lies."""
        if self._run_step % self.packed.tier.KB or self.packed.tier.tile != "amx":
            return gathered
        stride, (OH, OW, _, _) = self.window.stride, self.window.extents(H, W)
        pitch = self.window.pitch(H, W)
        steps, odd = divmod(stride[0] * pitch, stride[1])
        layer = implicit_schedule.Layer(
            *(n, OH, OW, self.packed.N, self.groups, 0 if odd else steps),
            *(stride[1] * self.shape[3] * self.groups, self._runs),
            self.packed.blocks,
        )
        return implicit_schedule.choose(layer, gathered, threads, self.packed.tier)

    @cached_property
    def _variant(self) -> tuple[int, bool] | None:
        """Of Winograd, and whether its axes are exchanged; None if there is none."""
        if self.groups > 1:
            return None
        return winograd_variants.variant_of(
            self.window.kernel, self.window.stride, self.window.dilation
        )

    @cached_property
    def _proven(self) -> tuple[int, ...]:
        """Blocks of input channels for Winograd; none where it does not apply."""
        if self._variant is None:
            return ()
        return winograd.proven_ends(self.weight, self._variant[0])

    def wish(self, x: npt.NDArray[Any], threads: int) -> Wish | None:
        """Say what weights beside the panels would save for ``x``, if any are wanted.

        None where they are packed already, or never will be.
        """
        if isinstance(self.packed, winograd.PackedTwice):
            return None
        n, H, W, _ = self.window.met(x.shape)
        plan = self._plan(n, H, W, threads)
        if not isinstance(plan, winograd_schedule.WinogradSchedule):
            return None
        return Wish(plan.weight_bytes, plan.saved)

    def deny(self) -> None:
        """Keep to the direct path: the bytes went to layers that save more by them."""
        self._memory = "spent"

    def _packed_for(self, plan: "schedule.Schedule") -> PackedWeights:
        """Pack what the plan needs and is not packed yet."""
        if isinstance(plan, winograd_schedule.WinogradSchedule):
            with packing:
                if not isinstance(self.packed, winograd.PackedTwice):
                    weight = self.weight
                    if plan.exchanged:
                        weight = weight.swapaxes(1, 2)
                    self.packed = winograd.pack_winograd(
                        weight, plan.variant, self._proven, self.packed
                    )
        return self.packed

    def explain(self, shape: tuple[int, ...], threads: int) -> "schedule.Explanation":
        """Say which kernel, tile and schedule images of ``shape`` get, and why."""
        plan = self._geometry(self.window.met(shape), threads).plan
        size, packed = int(np.prod(self.shape)), self.packed.nbytes
        if isinstance(plan, winograd_schedule.WinogradSchedule) and not isinstance(
            self.packed, winograd.PackedTwice
        ):
            packed += plan.weight_bytes
        return schedule.Explanation(plan, packed, size)


def _spaced(runs: npt.NDArray[np.int8], step: int) -> npt.NDArray[np.int8]:
    """Return (O, count * step) weights: each of (O, count, length) runs, then zeros."""
    O, count, length = runs.shape
    if length == step:
        return runs.reshape(O, -1)
    spaced = np.zeros((O, count, step), np.int8)
    spaced[:, :, :length] = runs
    return spaced.reshape(O, -1)
