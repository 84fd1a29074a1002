"""The 2-D convolution operator: validate, pack once, call."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from qd8 import arguments, settings
from qd8.conv2d_images import ImageConvolution
from qd8.deferred import Deferred
from qd8.fully_connected import FullyConnected, Steps, float_bits
from qd8.kernels import launch, runs
from qd8.kernels.tail import Tail
from qd8.pack import PackedWeights
from qd8.window import Padding, Window, checked_padding

if TYPE_CHECKING:
    from qd8 import quantize
    from qd8.kernels import schedule
else:
    quantize = Deferred("qd8.quantize")

LAYOUTS = {"OHWI": (0, 1, 2, 3), "OIHW": (0, 2, 3, 1), "HWIO": (3, 0, 1, 2)}


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
        bounds = arguments.activation(activation)
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
            *((self.shape[1], self.shape[2]), self.stride, self.dilation),
            *(self.padding, self.spread),
        )
        self._inner: FullyConnected | ImageConvolution
        if self.per_pixel:
            flat = weight.reshape(len(weight), -1)
            self._inner = FullyConnected(
                flat, weight_scale, bias, activation=activation
            )
        else:
            self._inner = ImageConvolution(
                *(weight, arguments.weight_scales(weight_scale, len(weight))),
                *(arguments.biases(bias, len(weight)), self._window),
                groups=self.groups,
                bounds=[float_bits(bound) for bound in bounds],
                half_scale=f16_scale == "xnnpack",
            )

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
        values, scale = quantize.quantize_weights(
            np.ascontiguousarray(weight.transpose(LAYOUTS[weight_layout]))
        )
        return cls(values, scale, bias, **options)

    @property
    def packed(self) -> PackedWeights:
        """The weights as kernels read them."""
        return self._inner.packed

    @property
    def per_pixel(self) -> bool:
        """R11: whether this is a fully connected over pixels."""
        unpadded = self.padding in ("SAME", "VALID", ((0, 0), (0, 0)))
        plain = self.stride == (1, 1) and self.groups == 1 and unpadded
        return plain and self.shape[1:3] == (1, 1) and self.shape != (1, 1, 1, 1)

    @property
    def pixels(self) -> FullyConnected | None:
        """The fully connected over pixels that this is, if it is one."""
        return self._inner if isinstance(self._inner, FullyConnected) else None

    @property
    def images(self) -> ImageConvolution | None:
        """What quantizes images, unless this is a fully connected over pixels."""
        return self._inner if isinstance(self._inner, ImageConvolution) else None

    @property
    def weight(self) -> npt.NDArray[np.int8]:
        """(O, KH, KW, I / groups) int8, unpacked from the panels."""
        return self._inner.weight.reshape(self.shape)

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
        self._inner.run(x, out, None)
        return out

    def steps(self, x: npt.NDArray[Any]) -> Steps:
        """Return what happens inside for ``x``: every intermediate, then the output."""
        x = self._checked(x)
        if isinstance(self._inner, FullyConnected):
            return self._inner.steps(x)
        out = np.empty(self.output_shape(x.shape), x.dtype)
        accumulator = np.empty(out.shape, np.int32)
        self._inner.run(x, out, accumulator)
        half = self.f16_scale == "xnnpack" and x.dtype == np.float16
        return Steps(*quantize.images(x, half=half), accumulator, out)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(N, OH, OW, O) for images of ``shape``."""
        n, H, W, _ = self._window.met(shape)
        OH, OW, _, _ = self._window.extents(H, W)
        return n, OH, OW, self.shape[0]

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
        self._window.extents(*self._window.met(x.shape)[1:3])
        return x

    def scratch_bytes(self, x: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that computing images like ``x`` needs."""
        return self._inner.scratch_bytes(x, threads)

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
        return self._inner.bind(x, out, threads, room, tail)

    def warmup(self) -> None:
        """Compile what the first call would compile."""
        _, KH, KW, I = self.shape
        H = (KH - 1) * self.dilation[0] + 1
        W = (KW - 1) * self.dilation[1] + 1
        both = (np.float32, np.float16)
        for dtype in both[self.f16_scale == "xnnpack" :]:
            # One output has its taps gathered; wider images may not.
            for OW in (1, runs.TILE):
                width = W + (OW - 1) * self.stride[1]
                self(np.zeros((1, H, width, I * self.groups), dtype))

    def explain(
        self, shape: tuple[int, ...], threads: int | None = None
    ) -> "schedule.Explanation":
        """Say which kernel, tile and schedule images of ``shape`` get, and why."""
        n, H, W, _ = shape
        threads = threads or settings.get_num_threads()
        if isinstance(self._inner, FullyConnected):
            return self._inner.explain(n * H * W, threads)
        return self._inner.explain(tuple(shape), threads)

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
