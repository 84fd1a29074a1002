"""What the oracle accepts. Everything that is not promised is refused here.

A check returns its argument, so that an operator reads as a list of what it takes.
Messages say what was given and what is needed.
"""

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from .environment import require_ieee754
from .fma import SMALLEST_NORMAL, flush
from .types import F32, I8, Float, Pair

FLOATS = (np.float32, np.float16)


def array(name: str, value: object, dtypes: Sequence[type]) -> npt.NDArray[Any]:
    """Return ``value`` if it is an array of one of ``dtypes`` in native byte order."""
    if isinstance(value, np.generic):
        value = np.asarray(value)
    wanted = " or ".join(np.dtype(dtype).name for dtype in dtypes)
    if not isinstance(value, np.ndarray):
        given = type(value).__name__
        raise TypeError(f"{name} is a {given}; it must be a numpy array of {wanted}")
    if value.dtype not in [np.dtype(dtype) for dtype in dtypes]:
        hint = ""
        if value.dtype == np.float64 and np.float32 in dtypes:
            hint = f"; use {name}.astype(np.float32)"
        elif not value.dtype.isnative:
            hint = f" in native byte order; use {name}.astype(np.{value.dtype.name})"
        raise TypeError(f"{name} is {value.dtype}; it must be {wanted}{hint}")
    return value


def activations(name: str, value: object, rank: int | None = None) -> Float:
    """Return float32 or float16 activations of ``rank``, by default 1 or more."""
    require_ieee754()
    x = array(name, value, FLOATS)
    if rank is not None and x.ndim != rank:
        raise ValueError(f"{name} has shape {x.shape}; it must have {rank} dimensions")
    return x


def rows(name: str, value: object) -> Float:
    """Return activations (..., K) with K of at least 1."""
    x = activations(name, value)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(
            f"{name} has shape {x.shape}; it must be (..., K) with K of at least 1"
        )
    return x


def images(name: str, value: object) -> Float:
    """Return activations (N, H, W, C), no image being empty."""
    x = activations(name, value)
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(
            f"{name} has shape {x.shape}; it must be (N, H, W, C) "
            "with H, W and C of at least 1"
        )
    return x


def weights(name: str, value: object, rank: int, dtypes: Sequence[type]) -> Any:
    """Return weights of ``rank``, none of whose dimensions is 0."""
    weight = array(name, value, dtypes)
    if weight.ndim != rank or 0 in weight.shape:
        raise ValueError(
            f"{name} has shape {weight.shape}; "
            f"it must have {rank} dimensions of at least 1"
        )
    return weight


def quantized_weights(value: object, rank: int) -> I8:
    """Return int8 weights of ``rank``; -128 is allowed."""
    weight: I8 = weights("weight", value, rank, [np.int8])
    return weight


def weight_scales(value: object, channels: int) -> F32:
    """Return one positive, normal, finite float32 scale for each of ``channels``."""
    scale = array("weight_scale", value, [np.float32])
    if scale.shape not in [(channels,), (1,), ()]:
        raise ValueError(
            f"weight_scale has shape {scale.shape}; "
            f"it must be ({channels},), one a channel, or (1,) or ()"
        )
    good = np.isfinite(scale) & (scale >= SMALLEST_NORMAL)
    if not good.all():
        first = np.atleast_1d(scale)[~np.atleast_1d(good)][0]
        raise ValueError(
            f"weight_scale has {first}; scales must be positive, normal and finite"
        )
    return np.broadcast_to(scale, (channels,))


def biases(value: object, channels: int) -> F32:
    """Return a float32 bias (channels,), +0.0 if ``value`` is None."""
    if value is None:
        return np.zeros(channels, np.float32)
    bias = array("bias", value, [np.float32])
    if bias.shape != (channels,):
        raise ValueError(f"bias has shape {bias.shape}; it must be ({channels},)")
    return bias


def quantized_biases(value: object, channels: int) -> F32:
    """Return a finite bias (channels,) for a quantized operator, flushed by R2."""
    bias = biases(value, channels)
    if not np.isfinite(bias).all():
        raise ValueError(f"bias has {bias[~np.isfinite(bias)][0]}; it must be finite")
    return flush(bias)


def pair(name: str, value: object) -> Pair:
    """Return two integers of at least 1, vertical then horizontal."""
    if isinstance(value, tuple | list) and len(value) == 2:
        vertical, horizontal = value
        if is_integer(vertical) and is_integer(horizontal) and min(value) >= 1:
            return int(vertical), int(horizontal)
    raise ValueError(f"{name} is {value!r}; it must be two integers of at least 1")


def groups(value: object, inputs: int, weight_shape: tuple[int, ...]) -> int:
    """Return the number of groups into which (O, KH, KW, I) divides ``inputs``."""
    if not is_integer(value) or value < 1:
        raise ValueError(f"groups is {value!r}; it must be an integer of at least 1")
    if inputs != weight_shape[3] * value:
        raise ValueError(
            f"weight is {weight_shape} (O, KH, KW, I) and groups is {value}, "
            f"so x must have {weight_shape[3] * value} channels; it has {inputs}"
        )
    if weight_shape[0] % value:
        raise ValueError(
            f"weight is {weight_shape} (O, KH, KW, I): "
            f"its {weight_shape[0]} outputs do not divide into {value} groups"
        )
    return int(value)


def axis(value: object, rank: int, name: str = "axis") -> int:
    """Return an axis of an array of ``rank`` counted from the front."""
    if not is_integer(value) or not -rank <= value < rank:
        raise ValueError(
            f"{name} is {value!r}; it must be an integer in {-rank}..{rank - 1}"
        )
    return int(value) % rank


def is_integer(value: object) -> TypeGuard[int]:
    """Whether ``value`` is an integer; a bool is not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def finite(name: str, value: object) -> float:
    """Return a finite number; a bool is none."""
    if isinstance(value, bool) or not isinstance(
        value, float | int | np.floating | np.integer
    ):
        raise ValueError(f"{name} is {value!r}; it must be a finite number")
    if not np.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it must be a finite number")
    return float(value)
