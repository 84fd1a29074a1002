"""Transposed convolution: a convolution over an image spread out with padding.

Images are spread as they are quantized: between the elements lies the zero point,
which adds nothing to an accumulator. So the bits are those of XNNPACK's
deconvolution, which cuts the kernel into sub-kernels instead. Zeros spread before
quantization would not do: under a range so small that its multiplier is infinite, a
zero becomes 127 (R9).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from qd8 import arguments, settings
from qd8.conv2d import Conv2D
from qd8.fully_connected import Steps
from qd8.kernels import launch
from qd8.kernels.tail import Tail
from qd8.window import same_padding


class _SpreadConv2D(Conv2D):
    """A convolution over spread images; it quantizes images even of single pixels."""

    def __init__(self, *args: Any, spread: tuple[int, int], **options: Any) -> None:
        self.spread = spread
        super().__init__(*args, **options)

    @property
    def per_pixel(self) -> bool:
        return False


class TransposeConv2D:
    """2-D transposed convolution of NHWC images with int8 OHWI weights.

    Parameters
    ----------
    weight : (O, KH, KW, I) int8
    weight_scale : (O,), (1,) or () float32; real units per step
    bias : (O,) float32 or None
    output_shape : (N, OH, OW, O); N may be any, the call's own counts
    stride : (height, width)
    padding : "SAME" or "VALID", of the convolution that this one transposes
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Raises
    ------
    TypeError, ValueError
        If an argument has another dtype, shape or an impossible value.

    Notes
    -----
    Quantizes each image (R11), R5 to R15 of docs/numerics.md.
    """

    def __init__(
        self,
        weight: npt.NDArray[np.int8],
        weight_scale: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32] | None = None,
        *,
        output_shape: tuple[int, ...],
        stride: tuple[int, int] = (1, 1),
        padding: str = "SAME",
        activation: str = "none",
    ) -> None:
        weight = arguments.weights(weight, 4, "(O, KH, KW, I)")
        self.stride = arguments.pair("stride", stride)
        if padding not in ("SAME", "VALID"):
            raise ValueError(f"padding is {padding!r}; it must be 'SAME' or 'VALID'")
        if len(output_shape) != 4 or output_shape[3] != len(weight):
            raise ValueError(
                f"output_shape is {tuple(output_shape)}; "
                f"it must be (N, OH, OW, {len(weight)})"
            )
        self.padding = padding
        self.output_size = int(output_shape[1]), int(output_shape[2])
        self._inputs, pads = [], []
        for size, kernel, step in zip(
            self.output_size, weight.shape[1:3], self.stride, strict=True
        ):
            before = same_padding(size, kernel, step, 1)[0] if padding == "SAME" else 0
            inputs = -(-size // step) if padding == "SAME" else (size - kernel) // step
            inputs += padding == "VALID"
            spread = (inputs - 1) * step + 1
            top = kernel - 1 - before
            bottom = size + kernel - 1 - top - spread
            if inputs < 1 or bottom < 0:
                raise ValueError(
                    f"output_shape is {tuple(output_shape)}: no input gives it with a "
                    f"{weight.shape[1]} x {weight.shape[2]} kernel, stride "
                    f"{self.stride} and padding {padding!r}"
                )
            self._inputs.append(inputs)
            pads.append((top, bottom))
        self.convolution = _SpreadConv2D(
            np.ascontiguousarray(weight[:, ::-1, ::-1]),
            weight_scale,
            bias,
            padding=(pads[0], pads[1]),
            activation=activation,
            spread=self.stride,
        )

    @property
    def packed(self) -> Any:
        """The packed weights, the kernel turned round."""
        return self.convolution.packed

    def __call__(
        self, x: npt.NDArray[Any], out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Apply the operator to (N, H, W, I) images; (N, OH, OW, O)."""
        x = self._checked(x)
        shape = (len(x), *self.output_size, self.convolution.shape[0])
        out = arguments.output(out, shape, x.dtype, x)
        if out.size:
            launch.run(self.bind(x, out, settings.get_num_threads()))
        return out

    def steps(self, x: npt.NDArray[Any]) -> Steps:
        """Return what happens inside for ``x``; values are those of ``x`` alone."""
        return self.convolution.steps(self._checked(x))

    def scratch_bytes(self, x: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that computing images like ``x`` needs."""
        return self.convolution.scratch_bytes(x, threads)

    def bind(
        self,
        x: npt.NDArray[Any],
        out: npt.NDArray[Any],
        threads: int,
        room: npt.NDArray[np.uint8] | None = None,
        tail: Tail | None = None,
    ) -> list[launch.Call]:
        """Calls that compute ``out`` from ``x``, both C-contiguous and checked."""
        return self.convolution.bind(x, out, threads, room, tail)

    def _checked(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        x = arguments.activations("x", x)
        wanted = (*self._inputs, self.convolution.shape[3])
        if x.ndim != 4 or x.shape[1:] != wanted:
            raise ValueError(
                f"x has shape {x.shape}; for outputs of {self.output_size} it must be "
                f"(N, {', '.join(map(str, wanted))})"
            )
        return x
