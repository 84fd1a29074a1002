"""What the public operators accept, checked once before an address is taken.

Each function returns what a kernel may rely on. Messages say what was given and
what is needed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.kernels.activation import BOUNDS

Array = npt.NDArray[Any]
_REAL = np.float32, np.float16
SMALLEST_NORMAL = float(np.finfo(np.float32).smallest_normal)
LARGEST = float(np.finfo(np.float32).max)


def array(name: str, value: object, dtypes: Sequence[type]) -> Array:
    """An ndarray of one of ``dtypes``, in native byte order."""
    if isinstance(value, np.ndarray):
        dtype = value.dtype
        if dtype.type in dtypes and dtype.isnative:
            return value if type(value) is np.ndarray else np.asarray(value)
    wanted = " or ".join(np.dtype(dtype).name for dtype in dtypes)
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(
            f"{name} is a {type(value).__name__}; it must be a numpy array of {wanted}"
        )
    result = np.asarray(value)
    if result.dtype.type not in dtypes or not result.dtype.isnative:
        hint = ""
        if result.dtype == np.float64 and np.float32 in dtypes:
            hint = f"; use {name}.astype(np.float32)"
        elif not result.dtype.isnative:
            hint = f" in native byte order; use {name}.astype(np.{result.dtype.name})"
        raise TypeError(f"{name} is {result.dtype}; it must be {wanted}{hint}")
    return result


def activations(name: str, value: object) -> Array:
    """Float32 or float16 of at least one dimension, C-contiguous."""
    x = array(name, value, _REAL)
    if x.ndim == 0:
        raise ValueError(f"{name} has no dimensions; it must be (..., K)")
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


def weights(value: object, rank: int, layout: str) -> npt.NDArray[np.int8]:
    """Int8 weights of ``rank`` dimensions of 1 or more."""
    weight = array("weight", value, (np.int8,))
    if weight.ndim != rank or 0 in weight.shape:
        raise ValueError(
            f"weight has shape {weight.shape}; it must be {layout}, "
            "every dimension 1 or more"
        )
    return weight


def float_weights(value: object, rank: int, layout: str) -> npt.NDArray[np.float32]:
    """Finite float32 weights of ``rank`` dimensions of 1 or more."""
    weight = array("weight", value, (np.float32,))
    if weight.ndim != rank or 0 in weight.shape:
        raise ValueError(
            f"weight has shape {weight.shape}; it must be {layout}, "
            "every dimension 1 or more"
        )
    return weight


def weight_scales(value: object, channels: int) -> npt.NDArray[np.float32]:
    """(channels,) float32, positive, normal and finite (R14)."""
    scale = array("weight_scale", value, (np.float32,))
    if scale.shape not in ((channels,), (1,), ()):
        raise ValueError(
            f"weight_scale has shape {scale.shape}; it must be ({channels},), one an "
            "output channel, or (1,) or () for the whole tensor"
        )
    # No comparison with NaN is true.
    if scale.size and not (scale.min() >= SMALLEST_NORMAL and scale.max() <= LARGEST):
        good = np.isfinite(scale) & (scale >= SMALLEST_NORMAL)
        index = int(np.argmin(np.atleast_1d(good)))
        raise ValueError(
            f"weight_scale[{index}] is {np.atleast_1d(scale)[index]}; scales must be "
            "positive, normal (2^-126 or more) and finite"
        )
    if scale.shape != (channels,):
        scale = np.broadcast_to(scale, (channels,))
    return np.ascontiguousarray(scale)


def biases(value: object, channels: int) -> npt.NDArray[np.float32] | None:
    """(channels,) float32, finite, or None."""
    if value is None:
        return None
    bias = array("bias", value, (np.float32,))
    if bias.shape != (channels,):
        raise ValueError(
            f"bias has shape {bias.shape}; it must be ({channels},), "
            "one an output channel"
        )
    if not np.isfinite(bias).all():
        index = int(np.argmin(np.isfinite(bias)))
        raise ValueError(f"bias[{index}] is {bias[index]}; biases must be finite")
    return np.ascontiguousarray(bias)


def activation(name: object) -> tuple[float, float]:
    """The bounds of a fused activation."""
    if not isinstance(name, str) or name not in BOUNDS:
        raise ValueError(
            f"activation is {name!r}; it must be one of {', '.join(BOUNDS)}"
        )
    return BOUNDS[name]


def pair(name: str, value: object) -> tuple[int, int]:
    """Two ints of 1 or more: (height, width). One int stands for both."""
    both = (value, value) if isinstance(value, int | np.integer) else value
    if (
        not isinstance(both, tuple | list)
        or len(both) != 2
        or not all(
            isinstance(v, int | np.integer) and not isinstance(v, bool) for v in both
        )
    ):
        raise ValueError(f"{name} is {value!r}; it must be two ints, (height, width)")
    if min(both) < 1:
        raise ValueError(f"{name} is {value!r}; both must be 1 or more")
    return int(both[0]), int(both[1])


def output(
    value: object, shape: tuple[int, ...], dtype: np.dtype[Any], x: Array
) -> Array:
    """A new array, or ``value`` if the result may be written there."""
    if value is None:
        return np.empty(shape, dtype)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"out is a {type(value).__name__}; it must be a numpy array")
    if value.shape != shape or value.dtype != dtype:
        raise ValueError(
            f"out is {value.dtype} of shape {value.shape}; "
            f"it must be {dtype} of shape {shape}"
        )
    if not value.flags.c_contiguous or not value.flags.writeable:
        raise ValueError("out must be C-contiguous and writeable")
    if np.may_share_memory(value, x):
        raise ValueError("out shares memory with x; it must be another array")
    return value
