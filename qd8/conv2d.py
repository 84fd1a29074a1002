"""The 2-D convolution operator: validate, pack once, call."""

from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from qd8 import arguments, settings
from qd8.conv2d_steps import Convolution
from qd8.fully_connected import (
    REMEMBERED,
    FullyConnected,
    Steps,
    float_bits,
    packing,
)
from qd8.geometry import Geometry, Padding, Window, checked_padding, geometry
from qd8.kernels import (
    implicit_schedule,
    isa,
    launch,
    schedule,
    winograd_schedule,
)
from qd8.kernels.chain import NO_TAIL, Tail
from qd8.kernels.implicit_schedule import Runs
from qd8.kernels.maddubs_schedule import COPY_IMAGE
from qd8.kernels.winograd_schedule import WinogradSchedule
from qd8.kernels.winograd_variants import variant_of
from qd8.maddubs import choose
from qd8.pack import PackedWeights, pack
from qd8.quantize import PART, images, quantize_weights
from qd8.winograd import PackedTwice, pack_winograd, proven_ends
from qd8.workspace import address, aligned, gap, scratch

LAYOUTS = {"OHWI": (0, 1, 2, 3), "OIHW": (0, 2, 3, 1), "HWIO": (3, 0, 1, 2)}


class Wish(NamedTuple):
    """What a second packing takes and what it gives.

    nbytes : of the weights
    saved : cycles of one call, as the schedule estimates
    """

    nbytes: int
    saved: float


class Conv2D:
    """2-D convolution of NHWC images with int8 OHWI weights, quantizing each image.

    Parameters
    ----------
    weight : (O, KH, KW, I / groups) int8
    weight_scale : (O,), (1,) or () float32; real units per step
    bias : (O,) float32 or None
    stride, dilation : (height, width)
    padding : "SAME", "VALID" or ((top, bottom), (left, right))
    groups : int; input and output channels are split into as many parts
    activation : "none", "relu", "relu6" or "relu_n1_to_1"
    f16_scale : "exact" or "xnnpack"
        "xnnpack" rounds the multiplier of float16 images to float16 as XNNPACK's
        x86 kernels do (R16), which ruins images whose range is below 0.0039.

    Raises
    ------
    TypeError, ValueError
        If an argument has another dtype, shape or an impossible value.

    Notes
    -----
    R5 to R17 of docs/numerics.md. A 1x1 convolution of stride 1, unpadded and
    ungrouped is a fully connected over pixels and quantizes each pixel (R11), except
    from 1 channel to 1. Packed for ``isa.current()`` when built; weights of Winograd,
    eight times as large, are packed beside them when the first size that gains by
    them is bound, and never under ``qd8.options(memory="small")``.
    """

    spread = (1, 1)  # how far apart windows meet the elements of x (TransposeConv2D)

    def __init__(
        self,
        weight: npt.NDArray[np.int8],
        weight_scale: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32] | None = None,
        *,
        stride: tuple[int, int] = (1, 1),
        padding: Padding = "SAME",
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        activation: str = "none",
        f16_scale: str = "exact",
    ) -> None:
        weight = arguments.weights(weight, 4, "(O, KH, KW, I / groups)")
        scale = arguments.weight_scales(weight_scale, len(weight))
        bias = arguments.biases(bias, len(weight))
        self._bounds = arguments.activation(activation)
        self.activation = activation
        self.has_bias = bias is not None
        self.stride = arguments.pair("stride", stride)
        self.dilation = arguments.pair("dilation", dilation)
        self.padding = checked_padding(padding)
        if isinstance(groups, bool) or not isinstance(groups, int | np.integer):
            raise TypeError(f"groups is {groups!r}; it must be an int")
        if groups < 1 or len(weight) % groups:
            raise ValueError(
                f"groups is {groups}; it must divide the {len(weight)} output channels"
            )
        self.groups = int(groups)
        if f16_scale not in ("exact", "xnnpack"):
            raise ValueError(
                f"f16_scale is {f16_scale!r}; it must be 'exact' or 'xnnpack'"
            )
        self.f16_scale = f16_scale
        self.shape: tuple[int, ...] = weight.shape
        self._window = Window(
            (self.shape[1], self.shape[2]), self.stride, self.dilation, self.padding
        )
        self._path, self._memory = schedule.forced_path(), settings.get_memory()
        self._pixels: FullyConnected | None = None
        if self.per_pixel:
            flat = weight.reshape(len(weight), -1)
            self._pixels = FullyConnected(flat, scale, bias, activation=activation)
        else:
            tier = isa.current()
            panels = -(-(len(weight) // self.groups) // tier.NR)
            self._run_step = self._runs.step(tier, self._memory, panels)
            flat = _spaced(weight.reshape(len(weight), *self._runs), self._run_step)
            self._packed = pack(flat, scale, bias, tier, self.groups)
        self._programs: dict[tuple[Any, ...], launch.Program] = {}
        self._plans: dict[tuple[Any, ...], schedule.Schedule] = {}

    @classmethod
    def from_float(
        cls,
        weight: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32] | None = None,
        *,
        weight_layout: str = "OHWI",
        **options: Any,
    ) -> Self:
        """Quantize float32 weights by the converter's rule, per output channel.

        weight_layout : "OHWI", "OIHW" (torch, ONNX) or "HWIO" (Keras, JAX)
        """
        if weight_layout not in LAYOUTS:
            raise ValueError(
                f"weight_layout is {weight_layout!r}; "
                f"it must be one of {', '.join(LAYOUTS)}"
            )
        weight = arguments.float_weights(weight, 4, weight_layout)
        values, scale = quantize_weights(
            np.ascontiguousarray(weight.transpose(LAYOUTS[weight_layout]))
        )
        return cls(values, scale, bias, **options)

    @property
    def packed(self) -> PackedWeights:
        """The weights as kernels read them."""
        return self._packed if self._pixels is None else self._pixels.packed

    @property
    def per_pixel(self) -> bool:
        """R11: whether this is a fully connected over pixels."""
        unpadded = self.padding in ("SAME", "VALID", ((0, 0), (0, 0)))
        plain = self.stride == (1, 1) and self.groups == 1 and unpadded
        return plain and self.shape[1:3] == (1, 1) and self.shape != (1, 1, 1, 1)

    @property
    def pixels(self) -> FullyConnected | None:
        """The fully connected over pixels that this is, if it is one."""
        return self._pixels

    @property
    def weight(self) -> npt.NDArray[np.int8]:
        """(O, KH, KW, I / groups) int8, unpacked from the panels."""
        if self._pixels is not None:
            return self.packed.weight().reshape(self.shape)
        runs = self.packed.weight().reshape(self.shape[0], self._runs.count, -1)
        return runs[..., : self._runs.length].reshape(self.shape)

    @property
    def _runs(self) -> Runs:
        """Taps whose activations are one piece of memory."""
        _, KH, KW, I = self.shape
        touching = self.dilation[1] == 1 and self.groups == 1
        return Runs(KH, KW * I) if touching else Runs(KH * KW, I)

    @property
    def weight_scale(self) -> npt.NDArray[np.float32]:
        """(O,) float32, real units per step."""
        return self.packed.channels("weight_scale")

    @property
    def bias(self) -> npt.NDArray[np.float32] | None:
        """(O,) float32, subnormals flushed, or None."""
        return self.packed.channels("bias") if self.has_bias else None

    def __call__(
        self, x: npt.NDArray[Any], out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Apply the operator to images.

        Parameters
        ----------
        x : (N, H, W, C) float32 or float16
        out : (N, OH, OW, O) of the dtype of ``x``, C-contiguous; made if not given

        Returns
        -------
        (N, OH, OW, O) of the dtype of ``x``; an image whose range is not finite is
        all NaN (a pixel, where the convolution quantizes pixels)
        """
        x = self._checked(x)
        out = arguments.output(out, self.output_shape(x.shape), x.dtype, x)
        self._run(x, out, None)
        return out

    def steps(self, x: npt.NDArray[Any]) -> Steps:
        """Return what happens inside for ``x``: every intermediate, then the output."""
        x = self._checked(x)
        if self._pixels is not None:
            return self._pixels.steps(x)
        out = np.empty(self.output_shape(x.shape), x.dtype)
        accumulator = np.empty(out.shape, np.int32)
        self._run(x, out, accumulator)
        half = self.f16_scale == "xnnpack" and x.dtype == np.float16
        return Steps(*images(x, half=half), accumulator, out)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(N, OH, OW, O) for images of ``shape``."""
        n, H, W, _ = self._spread(shape)
        OH, OW, _, _ = self._window.extents(H, W)
        return n, OH, OW, self.shape[0]

    def _spread(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """The shape of the images that windows meet, for ``x`` of ``shape``."""
        n, H, W, C = shape
        return n, (H - 1) * self.spread[0] + 1, (W - 1) * self.spread[1] + 1, C

    def _checked(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        x = arguments.activations("x", x)
        O, KH, KW, I = self.shape
        C = I * self.groups
        if x.ndim != 4:
            raise ValueError(f"x has shape {x.shape}; it must be (N, H, W, {C})")
        if x.shape[3] != C:
            hint = ""
            if x.shape[1] == C:
                hint = "; x looks like NCHW: x.transpose(0, 2, 3, 1)"
            elif x.shape[3] == KH * self.groups and KW == I:
                hint = (
                    "; weight looks like OIHW: weight.transpose(0, 2, 3, 1), "
                    "or from_float(..., weight_layout='OIHW')"
                )
            raise ValueError(
                f"x has {x.shape[3]} channels (shape {x.shape}); weight is "
                f"({O}, {KH}, {KW}, {I}) with {self.groups} group(s) "
                f"and needs {C}{hint}"
            )
        if self.f16_scale == "xnnpack" and x.dtype != np.float16:
            raise ValueError(
                f"f16_scale='xnnpack' needs float16 images, but x is {x.dtype}"
            )
        if 0 in x.shape[1:]:
            raise ValueError(f"x has shape {x.shape}; H, W and C must be 1 or more")
        self._window.extents(*self._spread(x.shape)[1:3])
        return x

    def _run(
        self,
        x: npt.NDArray[Any],
        out: npt.NDArray[Any],
        accumulator: npt.NDArray[np.int32] | None,
    ) -> None:
        if out.size == 0:
            return
        if self._pixels is not None:
            self._pixels._run(x, out, accumulator)
            return
        program = self._program(x, settings.get_num_threads())
        acc = 0 if accumulator is None else address(accumulator)
        program.run(address(x), address(out), acc, scratch(program.scratch_bytes))

    def scratch_bytes(self, x: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that computing images like ``x`` needs."""
        if self._pixels is not None:
            return self._pixels.scratch_bytes(x, threads)
        return self._program(x, threads).scratch_bytes

    def bind(
        self,
        x: npt.NDArray[Any],
        out: npt.NDArray[Any],
        threads: int,
        room: npt.NDArray[np.uint8] | None = None,
        tail: Tail | None = None,
    ) -> list[launch.Call]:
        """Calls that compute ``out`` from ``x``, C-contiguous and checked.

        Pixels of ``out`` may lie further apart than they are long, if there is no tail.

        room : scratch that calls running one after the other may share
        tail : what is done to ``out`` besides
        """
        if self._pixels is not None:
            return self._pixels.bind(x, out, threads, room, tail)
        program = self._program(x, threads)
        own = aligned(program.scratch_bytes) if room is None else room
        more = NO_TAIL if tail is None else tail.words
        bases = (address(x), address(out), 0, address(own), *more, gap(out))
        return program.calls(bases, x, out, own, self.packed, tail)

    def _program(self, x: npt.NDArray[Any], threads: int) -> launch.Program:
        """What computes images like ``x``."""
        key = (*x.shape, threads, x.dtype.type)
        if (found := self._programs.get(key)) is not None:
            return found
        whole = self.whole(x, threads)
        program = launch.Program(whole.steps, whole.g.scratch_bytes)
        if len(self._programs) >= REMEMBERED:
            self._programs.clear()
        self._programs[key] = program
        return program

    def whole(self, x: npt.NDArray[Any], threads: int) -> Convolution:
        """What binds kernels for images like ``x``; not where it quantizes pixels."""
        g = self._geometry(self._spread(x.shape), threads)
        half = self.f16_scale == "xnnpack" and x.dtype == np.float16
        bounds = [float_bits(bound) for bound in self._bounds]
        packed = self._packed_for(g.plan)
        return Convolution(
            g, self._window, packed, self._run_step, bounds, x.dtype, half, self.spread
        )

    def _geometry(self, shape: tuple[int, ...], threads: int) -> Geometry:
        n, H, W, C = shape
        plan = self._plan(n, H, W, threads)
        words = plan.tile == "madd" or isinstance(plan, WinogradSchedule)
        parts = max(1, min(threads, H * W * C // PART))
        return geometry(shape, self._window, plan, 2 if words else 1, parts)

    def _plan(self, n: int, H: int, W: int, threads: int) -> schedule.Schedule:
        """The schedule of ``n`` images of H x W, remembered."""
        key = (n, H, W, threads, self._memory)
        if (found := self._plans.get(key)) is None:
            if len(self._plans) >= REMEMBERED:
                self._plans.clear()
            found = self._plans[key] = self._scheduled(n, H, W, threads)
        return found

    def _scheduled(self, n: int, H: int, W: int, threads: int) -> schedule.Schedule:
        tier, K, N = self.packed.tier, self.packed.K, self.packed.N
        OH, OW, _, _ = self._window.extents(H, W)
        plan = schedule.convolution(n, OH * OW, K, N, threads, tier)
        refused = winograd_schedule.refusal(tier, self._path, self._memory)
        if self._variant is not None and refused is not None:
            plan = plan.because(refused)
        elif self._variant is not None:
            variant, exchanged = self._variant
            layer = winograd_schedule.Layer(
                *(n, OH, OW, self.shape[3], N, self._window.kernel, self.dilation),
                *(variant, exchanged, self._proven),
            )
            plan = winograd_schedule.choose(
                layer, plan, threads, tier, self._path, self._memory
            )
            if isinstance(plan, WinogradSchedule):
                return plan
        with packing:
            self._packed, other, why = choose(
                self.packed, OH * OW, COPY_IMAGE, self._path, self._memory
            )
        if other.tile != tier.tile:
            plan = schedule.convolution(n, OH * OW, K, N, threads, other)
        else:
            plan = self._implicit(n, H, W, threads, plan)
        return plan.because(why)

    def _implicit(
        self, n: int, H: int, W: int, threads: int, gathered: schedule.Schedule
    ) -> schedule.Schedule:
        """``gathered``, or tiles that read the image where it lies."""
        if self._run_step % self.packed.tier.KB or self.packed.tier.tile != "amx":
            return gathered
        OH, OW, _, _ = self._window.extents(H, W)
        pitch = self._window.pitch(H, W)
        steps, odd = divmod(self.stride[0] * pitch, self.stride[1])
        layer = implicit_schedule.Layer(
            *(n, OH, OW, self.packed.N, self.groups, 0 if odd else steps),
            *(self.stride[1] * self.shape[3] * self.groups, self._runs),
            self.packed.blocks,
        )
        return implicit_schedule.choose(layer, gathered, threads, self.packed.tier)

    @cached_property
    def _variant(self) -> tuple[int, bool] | None:
        """Of Winograd, and whether its axes are exchanged; None if there is none."""
        if self.groups > 1:
            return None
        return variant_of(self._window.kernel, self.stride, self.dilation)

    @cached_property
    def _proven(self) -> tuple[int, ...]:
        """Blocks of input channels for Winograd; none where it does not apply."""
        if self._variant is None:
            return ()
        return proven_ends(self.weight, self._variant[0])

    def wish(self, x: npt.NDArray[Any], threads: int) -> Wish | None:
        """Say what weights beside the panels would save for ``x``, if any are wanted.

        None where they are packed already, or never will be.
        """
        if self._pixels is not None or isinstance(self.packed, PackedTwice):
            return None
        n, H, W, _ = x.shape
        plan = self._plan(n, H, W, threads)
        if not isinstance(plan, WinogradSchedule):
            return None
        return Wish(plan.weight_bytes, plan.saved)

    def deny(self) -> None:
        """Keep to the direct path: the bytes went to layers that save more by them."""
        self._memory = "spent"

    def _packed_for(self, plan: schedule.Schedule) -> PackedWeights:
        """Pack what the plan needs and is not packed yet."""
        if isinstance(plan, WinogradSchedule):
            with packing:
                if not isinstance(self.packed, PackedTwice):
                    weight = self.weight
                    if plan.exchanged:
                        weight = weight.swapaxes(1, 2)
                    self._packed = pack_winograd(
                        weight, plan.variant, self._proven, self.packed
                    )
        return self.packed

    def warmup(self) -> None:
        """Compile what the first call would compile."""
        _, KH, KW, I = self.shape
        H = (KH - 1) * self.dilation[0] + 1
        W = (KW - 1) * self.dilation[1] + 1
        both = (np.float32, np.float16)
        for dtype in both[self.f16_scale == "xnnpack" :]:
            # One output has its taps gathered; wider images may not.
            for OW in (1, implicit_schedule.TILE):
                width = W + (OW - 1) * self.stride[1]
                self(np.zeros((1, H, width, I * self.groups), dtype))

    def explain(
        self, shape: tuple[int, ...], threads: int | None = None
    ) -> schedule.Explanation:
        """Say which kernel, tile and schedule images of ``shape`` get, and why."""
        n, H, W, _ = shape
        threads = threads or settings.get_num_threads()
        if self._pixels is not None:
            return self._pixels.explain(n * H * W, threads)
        plan = self._geometry(tuple(shape), threads).plan
        size, packed = int(np.prod(self.shape)), self.packed.nbytes
        if isinstance(plan, WinogradSchedule) and not isinstance(
            self.packed, PackedTwice
        ):
            packed += plan.weight_bytes
        return schedule.Explanation(plan, packed, size)

    def _options(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "activation": self.activation,
            "f16_scale": self.f16_scale,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "weight_scale": self.weight_scale,
            "bias": self.bias,
            "options": self._options(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Repacked for the tier of the process that loads it.
        self.__init__(  # type: ignore[misc]
            state["weight"],
            state["weight_scale"],
            state["bias"],
            **state["options"],
        )

    def __repr__(self) -> str:
        O, KH, KW, I = self.shape
        bias = "bias" if self.has_bias else "no bias"
        options = ", ".join(f"{k} {v!r}" for k, v in self._options().items())
        rows = "pixels" if self.per_pixel else "images"
        return (
            f"Conv2D({I * self.groups} -> {O}, {KH}x{KW}, int8 weights per channel, "
            f"{bias}, {options}, quantizes {rows}, tier {self.packed.tier.name}, "
            f"{self.packed.nbytes} packed bytes)"
        )


def _spaced(runs: npt.NDArray[np.int8], step: int) -> npt.NDArray[np.int8]:
    """Return (O, count * step) weights: each of (O, count, length) runs, then zeros."""
    O, count, length = runs.shape
    if length == step:
        return runs.reshape(O, -1)
    spaced = np.zeros((O, count, step), np.int8)
    spaced[:, :, :length] = runs
    return spaced.reshape(O, -1)
