"""FILL and RANGE: arrays made from numbers."""

import builtins
import math
from collections.abc import Sequence

import numpy as np

from .. import tensors
from ..float16 import store, widen
from ..types import Tensor


def fill(value: Tensor, *, shape: Sequence[int]) -> Tensor:
    """Return an array of ``shape`` that holds ``value``, one element, everywhere."""
    value = tensors.scalar("value", value)
    return np.full(tensors.integers("shape", shape, at_least=0), value)


def range(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    """Return ``start``, ``start + delta``, ... up to but without ``limit`` (R36).

    Parameters
    ----------
    start, limit, delta : one element each, all float32, float16, int32 or int64

    Returns
    -------
    (n,) of that dtype
        n is ``ceil(|(limit - start) / delta|)``, in float32 for the float dtypes.
        Every element is its predecessor plus ``delta``, as in LiteRT: no multiple.

    Raises
    ------
    ValueError
        If ``delta`` is 0 or points away from ``limit``, or a number is not finite.
    """
    first, last, step = (
        tensors.scalar(name, value, tensors.NUMBERS)
        for name, value in (("start", start), ("limit", limit), ("delta", delta))
    )
    if not first.dtype == last.dtype == step.dtype:
        raise TypeError(
            f"start is {first.dtype}, limit {last.dtype} and delta {step.dtype}; "
            "they must be of one dtype"
        )
    given = [n.item() for n in (first, last, step)]
    extent = given[1] - given[0]
    if not all(math.isfinite(n) for n in given) or given[2] == 0:
        raise ValueError(f"start, limit, delta are {given}; that is no finite range")
    if extent * given[2] < 0:
        raise ValueError(f"start, limit, delta are {given}; delta leads elsewhere")
    if first.dtype in tensors.INTEGERS:
        return np.array([*builtins.range(*given)], first.dtype)
    value, stride = widen(first), widen(step)
    with np.errstate(over="ignore"):
        count = np.ceil(np.abs((widen(last) - value) / stride))
    values = []
    for _ in builtins.range(int(count)):
        values.append(value)
        value = value + stride
    return store(np.array(values, np.float32), first.dtype)
