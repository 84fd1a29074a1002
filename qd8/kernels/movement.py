"""Movement: operators whose elements come out as the bits that went in (R36).

Each is one or a few boxes of strided_copy.py. Arrays are C-contiguous and hold any
dtype of 1, 2, 4 or 8 bytes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qd8.kernels.boxes import broadcast_strides, contiguous_strides
from qd8.kernels.float_arguments import address
from qd8.kernels.gather import bind_gather as bind_gather
from qd8.kernels.gather import bind_one_hot as bind_one_hot
from qd8.kernels.launch import Call
from qd8.kernels.strided_copy import bind_box

Pairs = Sequence[tuple[int, int]]


def bind_copy(x: npt.NDArray, out: npt.NDArray, *, threads: int) -> list[Call]:
    """Calls that copy ``x`` to ``out`` of the same size: a reshape."""
    return bind_box(x, out, (x.size,), (1,), (1,), threads=threads)


def bind_transpose(
    x: npt.NDArray, out: npt.NDArray, *, perm: Sequence[int], threads: int
) -> list[Call]:
    """Calls that make ``out`` ``x.transpose(perm)``."""
    strides = contiguous_strides(x.shape)
    shape = [x.shape[axis] for axis in perm]
    from_strides = [strides[axis] for axis in perm]
    to_strides = contiguous_strides(shape)
    return bind_box(x, out, shape, from_strides, to_strides, threads=threads)


def bind_slice(
    x: npt.NDArray,
    out: npt.NDArray,
    *,
    begin: Sequence[int],
    size: Sequence[int],
    threads: int,
) -> list[Call]:
    """Calls that make ``out`` the box of ``size`` elements from ``begin`` on.

    An entry of ``size`` that is -1 means everything that follows.
    """
    sizes = [
        n - first if count == -1 else count
        for n, first, count in zip(x.shape, begin, size, strict=True)
    ]
    ones = (1,) * x.ndim
    return _bind_part(x, out, begin, sizes, ones, threads)


def bind_strided_slice(
    x: npt.NDArray,
    out: npt.NDArray,
    *,
    begin: Sequence[int],
    strides: Sequence[int],
    threads: int,
) -> list[Call]:
    """Calls that make ``out`` every ``strides``-th element from ``begin`` on.

    Parameters
    ----------
    out : as many axes as ``x``
        New and vanishing axes change nothing; ``out`` is viewed without them.
    begin, strides : one for each axis of ``x``
        The first element, counted from the front, and the step, which may be negative.
    """
    return _bind_part(x, out, begin, out.shape, strides, threads)


def _bind_part(x, out, begin, sizes, steps, threads):
    strides = contiguous_strides(x.shape)
    return bind_box(
        x,
        out,
        sizes,
        [s * step for s, step in zip(strides, steps, strict=True)],
        contiguous_strides(sizes),
        threads=threads,
        x_start=sum(s * first for s, first in zip(strides, begin, strict=True)),
    )


def bind_split(
    x: npt.NDArray,
    outs: Sequence[npt.NDArray],
    *,
    axis: int,
    sizes: Sequence[int],
    threads: int,
) -> list[Call]:
    """Calls that cut ``x`` along ``axis`` into ``outs`` of ``sizes``."""
    axis %= x.ndim
    strides = contiguous_strides(x.shape)
    calls, start = [], 0
    for out, size in zip(outs, sizes, strict=True):
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        calls += bind_box(
            x,
            out,
            shape,
            strides,
            contiguous_strides(shape),
            threads=threads,
            x_start=start * strides[axis],
        )
        start += size
    return calls


def bind_join(
    arrays: Sequence[npt.NDArray], out: npt.NDArray, *, axis: int, threads: int
) -> list[Call]:
    """Calls that join ``arrays`` along ``axis`` of ``out``.

    One that lies in ``out`` already, at its place, is left there.
    """
    axis %= out.ndim
    strides = contiguous_strides(out.shape)
    calls, start = [], 0
    for x in arrays:
        if address(x) != address(out) + start * strides[axis] * out.itemsize:
            calls += bind_box(
                x,
                out,
                x.shape,
                contiguous_strides(x.shape),
                strides,
                threads=threads,
                out_start=start * strides[axis],
            )
        start += x.shape[axis]
    return calls


def bind_pack(
    arrays: Sequence[npt.NDArray], out: npt.NDArray, *, axis: int, threads: int
) -> list[Call]:
    """Calls that join ``arrays``, all of one shape, along a new ``axis``."""
    axis %= out.ndim
    shape = (*out.shape[:axis], 1, *out.shape[axis + 1 :])
    parts = [x.reshape(shape) for x in arrays]
    return bind_join(parts, out, axis=axis, threads=threads)


def bind_unpack(
    x: npt.NDArray, outs: Sequence[npt.NDArray], *, axis: int, threads: int
) -> list[Call]:
    """Calls that cut ``x`` along ``axis``, which ``outs`` do not have."""
    return bind_split(x, outs, axis=axis, sizes=(1,) * len(outs), threads=threads)


def bind_broadcast_to(x: npt.NDArray, out: npt.NDArray, *, threads: int) -> list[Call]:
    """Calls that repeat ``x`` along its axes of one element, by NumPy's rule."""
    from_strides = broadcast_strides(x.shape, out.shape)
    to_strides = contiguous_strides(out.shape)
    return bind_box(x, out, out.shape, from_strides, to_strides, threads=threads)


def bind_fill(value: npt.NDArray, out: npt.NDArray, *, threads: int) -> list[Call]:
    """Calls that put the one element of ``value`` everywhere.

    It is read when the calls run.
    """
    return bind_box(value, out, (out.size,), (0,), (1,), threads=threads)


def bind_tile(
    x: npt.NDArray, out: npt.NDArray, *, multiples: Sequence[int], threads: int
) -> list[Call]:
    """Calls that repeat ``x`` as a whole ``multiples[i]`` times along axis i."""
    shape, from_strides = [], []
    strides = contiguous_strides(x.shape)
    for times, n, stride in zip(multiples, x.shape, strides, strict=True):
        shape += [times, n]
        from_strides += [0, stride]
    to_strides = contiguous_strides(shape)
    return bind_box(x, out, shape, from_strides, to_strides, threads=threads)


def bind_pad(
    x: npt.NDArray, out: npt.NDArray, *, paddings: Pairs, value: float, threads: int
) -> list[Call]:
    """Calls that surround ``x`` by ``value``.

    Parameters
    ----------
    paddings : (before, after) of each axis
    value : number
        Rounded to the dtype of the arrays.
    """
    with np.errstate(over="ignore"):
        filler = np.full(1, value, out.dtype)
    strides = contiguous_strides(out.shape)
    start = sum(p[0] * s for p, s in zip(paddings, strides, strict=True))
    calls = bind_box(
        x,
        out,
        x.shape,
        contiguous_strides(x.shape),
        strides,
        threads=threads,
        out_start=start,
    )
    # In front of and behind x along each axis: the axes before it as wide as x,
    # those after it as wide as out, so that every element is written once.
    corner = 0
    for axis, (before, after) in enumerate(paddings):
        step = strides[axis]
        behind = corner + (before + x.shape[axis]) * step
        for width, at in ((before, corner), (after, behind)):
            shape = (*x.shape[:axis], width * step)
            calls += bind_box(
                filler,
                out,
                shape,
                (0,) * len(shape),
                (*strides[:axis], 1),
                threads=threads,
                out_start=at,
            )
        corner += before * step
    return calls


def bind_space_to_batch_nd(
    x: npt.NDArray,
    out: npt.NDArray,
    *,
    block_shape: Sequence[int],
    paddings: Pairs,
    threads: int,
) -> list[Call]:
    """Calls that make every ``block_shape``-th element an image of its own.

    Parameters
    ----------
    x : (N, spatial..., C...)
    out : (block * N, padded spatial / block..., C...)
    paddings : (before, after) of each spatial axis, filled with zeros
    """
    sides = [(0, 0), *paddings, *[(0, 0)] * (x.ndim - 1 - len(block_shape))]
    calls = []
    if any(before or after for before, after in sides):
        whole = np.empty(
            [n + sum(s) for n, s in zip(x.shape, sides, strict=True)], x.dtype
        )
        calls = bind_pad(x, whole, paddings=sides, value=0, threads=threads)
        x = whole
    shape, image_strides, batch_strides = _blocks(x, block_shape)
    return calls + bind_box(
        x, out, shape, image_strides, batch_strides, threads=threads
    )


def bind_batch_to_space_nd(
    x: npt.NDArray,
    out: npt.NDArray,
    *,
    block_shape: Sequence[int],
    crops: Pairs,
    threads: int,
) -> list[Call]:
    """Calls that put together what ``bind_space_to_batch_nd`` took apart.

    Parameters
    ----------
    x : (block * N, spatial..., C...)
    out : (N, spatial * block - crops..., C...)
    """
    sides = [(0, 0), *crops, *[(0, 0)] * (x.ndim - 1 - len(block_shape))]
    shape = [n + sum(s) for n, s in zip(out.shape, sides, strict=True)]
    cropped = any(before or after for before, after in sides)
    whole = np.empty(shape, x.dtype) if cropped else out
    extents, image_strides, batch_strides = _blocks(whole, block_shape)
    calls = bind_box(x, whole, extents, batch_strides, image_strides, threads=threads)
    if cropped:
        begin = [before for before, _ in sides]
        calls += bind_slice(whole, out, begin=begin, size=out.shape, threads=threads)
    return calls


def _blocks(image, block):
    """The box between an image and its positions in a block, in the image's order.

    Returns
    -------
    shape, strides in the image, strides in (block..., N, spatial / block..., C...)
    """
    m = len(block)
    spatial = [n // b for n, b in zip(image.shape[1:], block, strict=False)]
    rest = image.shape[m + 1 :]
    batch = contiguous_strides((*block, image.shape[0], *spatial, *rest))
    strides = contiguous_strides(image.shape)
    shape, image_strides, batch_strides = [image.shape[0]], [strides[0]], [batch[m]]
    for i in range(m):
        shape += [spatial[i], block[i]]
        image_strides += [strides[1 + i] * block[i], strides[1 + i]]
        batch_strides += [batch[m + 1 + i], batch[i]]
    return (
        [*shape, *rest],
        [*image_strides, *strides[m + 1 :]],
        [*batch_strides, *batch[2 * m + 1 :]],
    )


def bind_space_to_depth(
    x: npt.NDArray, out: npt.NDArray, *, block_size: int, threads: int
) -> list[Call]:
    """Calls that make each block of pixels one pixel, row by row, channels fastest.

    ``x`` is (N, H, W, C), ``out`` (N, H / block, W / block, block * block * C).
    """
    shape = _pixel_blocks(x.shape, block_size)
    strides = contiguous_strides(shape)
    order = (0, 1, 3, 2, 4, 5)
    moved = [shape[axis] for axis in order]
    from_strides = [strides[axis] for axis in order]
    to_strides = contiguous_strides(moved)
    return bind_box(x, out, moved, from_strides, to_strides, threads=threads)


def bind_depth_to_space(
    x: npt.NDArray, out: npt.NDArray, *, block_size: int, threads: int
) -> list[Call]:
    """Calls that undo ``bind_space_to_depth``."""
    shape = _pixel_blocks(out.shape, block_size)
    order = (0, 1, 3, 2, 4, 5)
    strides = contiguous_strides([shape[axis] for axis in order])
    from_strides = [strides[axis] for axis in order]  # the order is its own inverse
    to_strides = contiguous_strides(shape)
    return bind_box(x, out, shape, from_strides, to_strides, threads=threads)


def _pixel_blocks(shape, size):
    N, H, W, C = shape
    return (N, H // size, size, W // size, size, C)


def bind_range(
    out: npt.NDArray, *, start: float, delta: float, threads: int
) -> list[Call]:
    """Calls that make ``out`` ``start``, ``start + delta``, ...

    Each float is its predecessor plus ``delta``, rounded to float32: no multiple.
    The numbers are known when the call is bound, so they are a table then.
    """
    wide = np.float32 if out.dtype.kind == "f" else out.dtype
    terms = np.full(out.size, delta, wide)
    terms[:1] = start
    with np.errstate(all="ignore"):
        table = np.add.accumulate(terms, dtype=wide).astype(out.dtype)
    return bind_copy(table, out, threads=threads)
