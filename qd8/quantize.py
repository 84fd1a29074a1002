"""Quantization as public functions: rows and images as they run, weights beforehand."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8 import arguments, settings
from qd8.kernels import cache, isa, launch
from qd8.kernels.kinds import F16, F32
from qd8.workspace import address

# R12: the converter widens ranges below 1e-6: a channel of zeros has a normal scale.
SMALLEST_RANGE = 5e-7
PART = 1 << 14  # elements of an image that are worth a task of their own


class QuantizedRows(NamedTuple):
    """Activations in int8, with one zero point and scale a row (or image)."""

    values: npt.NDArray[np.int8]
    zero_point: npt.NDArray[np.int32]
    scale: npt.NDArray[np.float32]

    def dequantize(self) -> npt.NDArray[np.float32]:
        """Return ``(values - zero_point) * scale`` in float32."""
        missing = self.values.ndim - np.ndim(self.zero_point)
        shape = np.shape(self.zero_point) + (1,) * missing
        steps = self.values - np.reshape(self.zero_point, shape)
        return steps.astype(np.float32) * np.reshape(self.scale, shape)


class QuantizedWeights(NamedTuple):
    """Weights in int8, with one scale an output channel (or one for the tensor)."""

    values: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float32]


def kind(dtype: np.dtype[Any]) -> int:
    """The kernels' name for an activation dtype."""
    return F16 if dtype == np.float16 else F32


def quantize_rows(x: npt.NDArray[Any]) -> QuantizedRows:
    """Quantize each row of ``x`` to int8 with the range it happens to have.

    Parameters
    ----------
    x : (..., K) float32 or float16

    Returns
    -------
    values : (..., K) int8           steps, in [-128, 127]
    zero_point : (...) int32         the step that stands for 0.0
    scale : (...) float32            real units per step
        A row that holds NaN or infinity, or whose range overflows, has values 0,
        zero_point 0 and scale NaN.

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not float32 or float16, or has no K.

    Notes
    -----
    R5 to R10 of docs/numerics.md. Source: XNNPACK 75db3c0,
    src/xnnpack/quantization.h and src/f32-qs8-vcvt.
    """
    x = arguments.activations("x", x)
    if x.shape[-1] == 0:
        raise ValueError(f"x has shape {x.shape}; K, the last, must be 1 or more")
    return _rows(x, half=False)


def quantize_images(x: npt.NDArray[Any]) -> QuantizedRows:
    """Quantize each image of ``x`` to int8, as convolution does.

    Parameters
    ----------
    x : (N, H, W, C) float32 or float16

    Returns
    -------
    values : (N, H, W, C) int8
    zero_point : (N,) int32
    scale : (N,) float32

    Raises
    ------
    TypeError, ValueError
        If ``x`` is not float32 or float16 of four dimensions, H, W and C not 0.

    Notes
    -----
    R5 to R11 of docs/numerics.md.
    """
    return images(arguments.activations("x", x), half=False)


def images(x: npt.NDArray[Any], *, half: bool) -> QuantizedRows:
    """As ``quantize_images``; ``half`` rounds the multiplier to float16 (R16)."""
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(
            f"x has shape {x.shape}; it must be (N, H, W, C), H, W and C 1 or more"
        )
    n, H, W, C = x.shape
    rows = _rows(x.reshape(n, H * W * C), half)
    return QuantizedRows(rows.values.reshape(x.shape), rows.zero_point, rows.scale)


def _rows(x: npt.NDArray[Any], half: bool) -> QuantizedRows:
    shape, K = x.shape[:-1], x.shape[-1]
    values = np.empty(x.shape, np.int8)
    zero_point, scale = np.empty(shape, np.int32), np.empty(shape, np.float32)
    rows = zero_point.size
    if rows:
        kernel = cache.kernel("quantize.quantize_rows", isa.current().id, kind(x.dtype))
        tasks = min(settings.get_num_threads(), rows, max(1, x.size // PART))
        words = [address(a) for a in (x, values, zero_point, scale)]
        launch.run([launch.bind(kernel, [*words, rows, K, half], tasks)])
    return QuantizedRows(values, zero_point, scale)


def quantize_weights(
    weight: npt.NDArray[np.float32], *, axis: int = 0, per: str = "channel"
) -> QuantizedWeights:
    """Quantize weights to the bytes that TensorFlow's converter writes.

    Parameters
    ----------
    weight : float32, finite
    axis : the axis of output channels
    per : "channel" or "tensor"

    Returns
    -------
    values : int8 in [-127, 127], of the shape of ``weight``
    scale : (channels,) or, per tensor, (1,) float32; real units per step

    Raises
    ------
    TypeError, ValueError
        If ``weight`` is not float32, is empty or not finite.

    Notes
    -----
    R12 of docs/numerics.md: float64 division, halves away from zero.
    """
    weight = arguments.array("weight", weight, (np.float32,))
    if weight.ndim == 0 or weight.size == 0:
        raise ValueError(f"weight has shape {weight.shape}; it must hold something")
    if per not in ("channel", "tensor"):
        raise ValueError(f"per is {per!r}; it must be 'channel' or 'tensor'")
    if isinstance(axis, bool) or not 0 <= axis < weight.ndim:
        raise ValueError(f"axis is {axis!r}; it must be in 0..{weight.ndim - 1}")
    axis = 0 if per == "tensor" else axis
    # (channels, elements of each), as they lie or as a copy.
    lying = np.moveaxis(weight, axis, 0)
    rows = np.ascontiguousarray(lying)
    channels = 1 if per == "tensor" else len(rows)
    count = rows.size // channels
    bits = np.empty(channels, np.int32)
    words = [address(rows), address(bits), channels, count]
    launch.run_once("weights.largest_magnitudes", (), words)
    largest = bits.view(np.float32).astype(np.float64)
    if not np.isfinite(largest).all():
        raise ValueError("weight holds NaN or infinity; weights must be finite")
    step = np.maximum(largest, SMALLEST_RANGE) / 127
    values = np.empty(rows.shape, np.int8)
    words = [address(rows), address(step), address(values), channels, count]
    launch.run_once("weights.quantize_weights", (), words)
    values = np.ascontiguousarray(np.moveaxis(values, 0, axis))
    return QuantizedWeights(values, step.astype(np.float32))
