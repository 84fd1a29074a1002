"""SLICE and STRIDED_SLICE."""

import builtins
from collections.abc import Sequence
from types import EllipsisType
from typing import TypeAlias

from .. import tensors
from ..types import Tensor

# One entry of a NumPy index.
Entry: TypeAlias = builtins.slice | int | EllipsisType | None


def slice(x: Tensor, *, begin: Sequence[int], size: Sequence[int]) -> Tensor:
    """Return the ``size[i]`` elements from ``begin[i]`` on, along each axis (R36).

    Parameters
    ----------
    x : any stored dtype
    begin : for each axis, within 0 and its extent
    size : for each axis; -1 is everything that follows
    """
    x = tensors.tensor("x", x)
    starts = tensors.integers("begin", begin, x.ndim, at_least=0)
    counts = tensors.integers("size", size, x.ndim, at_least=-1)
    index = []
    for n, start, count in zip(x.shape, starts, counts, strict=True):
        stop = n if count == -1 else start + count
        if not start <= stop <= n:
            raise ValueError(
                f"begin is {begin!r} and size is {size!r}; "
                f"that does not lie within x, which is {x.shape}"
            )
        index.append(builtins.slice(start, stop))
    return x[tuple(index)].copy()


def strided_slice(
    x: Tensor,
    *,
    begin: Sequence[int],
    end: Sequence[int],
    strides: Sequence[int],
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    offset: bool = False,
) -> Tensor:
    """Return ``x[begin:end:strides]`` in TensorFlow's notation (R36).

    Parameters
    ----------
    x : any stored dtype
    begin, end, strides : one entry for each part of the index, of one length
    begin_mask, end_mask : int
        Bit i: entry i has no begin (no end); it reaches as far as there is something.
    ellipsis_mask : int
        Bit i, one at most: entry i stands for all axes that no other names.
    new_axis_mask, shrink_axis_mask : int
        Bit i: entry i makes an axis of 1 element; it takes element begin[i] alone and
        its axis vanishes. An ellipsis wins over a new axis, that over shrinking.
    offset : bool
        ``end`` counts from ``begin`` instead of from the front.
    """
    x = tensors.tensor("x", x)
    starts = tensors.integers("begin", begin)
    stops = tensors.integers("end", end, len(starts))
    steps = tensors.integers("strides", strides, len(starts))
    if 0 in steps:
        raise ValueError(f"strides is {strides!r}; a stride cannot be 0")
    every = range(len(starts))
    ellipses = [i for i in every if ellipsis_mask >> i & 1]
    if len(ellipses) > 1:
        raise ValueError(f"ellipsis_mask is {ellipsis_mask:#b}; one bit may be set")
    new = [i for i in every if new_axis_mask >> i & 1 and i not in ellipses]
    named = [i for i in every if i not in ellipses and i not in new]
    if len(named) > x.ndim:
        raise ValueError(f"begin names {len(named)} axes but x is {x.shape}")

    axis, index = 0, list[Entry]()
    for i in every:
        if i in ellipses:
            index.append(...)
            axis += x.ndim - len(named)
            continue
        if i in new:
            index.append(None)
            continue
        n, start, stop = x.shape[axis], starts[i], stops[i]
        axis += 1
        if offset:
            start += n if start < 0 else 0
            stop += start
        if shrink_axis_mask >> i & 1:
            if not -n <= start < n:
                raise ValueError(f"begin is {begin!r}; x is {x.shape}, there is none")
            index.append(start)
            continue
        first = None if begin_mask >> i & 1 else start
        last = None if end_mask >> i & 1 else stop
        # Python's own rule is TensorFlow's: negative counts from the end, once; what
        # lies outside is moved to the edge.
        index.append(builtins.slice(first, last, steps[i]))
    return x[tuple(index)].copy()
