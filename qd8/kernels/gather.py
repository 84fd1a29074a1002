"""GATHER, EMBEDDING_LOOKUP and ONE_HOT: elements at places that the data name (R37).

What an index outside the axis selects is a row of NaN, or of 0 where there is no
NaN: a row that lies ready, so that the loop needs no second way to write.
"""

from math import prod

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import address, kind, task_count
from qd8.kernels.moves import copy_bytes, copy_items
from qd8.kernels.scalars import load_int, real_word, word
from qd8.kernels.strided_copy import bind_box
from qd8.kernels.vector import F16, I8, LANES, load, splat, store, to_float

GRAIN = 1 << 16  # bytes of a task

Indices = npt.NDArray[np.int32] | npt.NDArray[np.int64]
Steps = npt.NDArray[np.int8]


def _gather_factory(source, WIDE):
    def gather(task, tasks, args):
        source  # noqa: B018
        table, indices, out, nothing = (
            word(args, 0), word(args, 1), word(args, 2), word(args, 3)
        )  # fmt: skip
        lines, outer, n = word(args, 4), word(args, 5), word(args, 6)
        places, row = word(args, 7), word(args, 8)
        # A line is all places of one table (batch, outer).
        work = lines * places
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            line, place = item // places, item % places
            at = line // outer * places + place
            index = word(indices, at) if WIDE else load_int(indices + at * 4)
            selected = nothing
            if 0 <= index < n:
                selected = table + (line * n + index) * row
            copy_bytes(out + item * row, selected, row)

    return gather


def _dequantize_factory(source, TIER, KIND, WIDE):
    size = 2 if KIND == F16 else 4

    def gather_dequantize(task, tasks, args):
        source  # noqa: B018
        table, indices, out, nothing = (
            word(args, 0), word(args, 1), word(args, 2), word(args, 3)
        )  # fmt: skip
        n, places, length = word(args, 4), word(args, 5), word(args, 6)
        scales, zero_points, scratch = word(args, 7), word(args, 8), word(args, 9)
        scratch += task * LANES * 8
        for place in range(places * task // tasks, places * (task + 1) // tasks):
            index = word(indices, place) if WIDE else load_int(indices + place * 4)
            to = out + place * length * size
            if 0 <= index < n:
                row = table + index * length
                scale = splat(real_word(scales + index * 4, 0))
                offset = splat(load_int(zero_points + index * 4))
                i = 0
                while i + LANES <= length:
                    y = to_float(TIER, load(TIER, I8, row + i) - offset) * scale
                    store(TIER, KIND, to + i * size, y)
                    i += LANES
                if i < length:
                    copy_bytes(scratch, row + i, length - i)
                    y = to_float(TIER, load(TIER, I8, scratch) - offset) * scale
                    store(TIER, KIND, scratch + LANES, y)
                    copy_bytes(to + i * size, scratch + LANES, (length - i) * size)
            else:
                copy_items(to, nothing, length, size, 0, size)

    return gather_dequantize


def bind_gather(
    params: npt.NDArray,
    indices: Indices,
    out: npt.NDArray,
    *,
    axis: int = 0,
    batch_dims: int = 0,
    scale: npt.ArrayLike | None = None,
    zero_point: npt.ArrayLike = 0,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` the elements of ``params`` at ``indices``.

    Parameters
    ----------
    axis, batch_dims : int
        The first ``batch_dims`` axes are common to both and not gathered from.
    scale : float32 (params.shape[axis],), (1,) or (), or None
        Of int8 ``params``, whose rows are dequantized into float ``out`` (R27).
    zero_point : int32, likewise
    """
    if out.size == 0:
        return []
    axis %= params.ndim
    n, inner = params.shape[axis], prod(params.shape[axis + 1 :])
    if scale is not None and axis == 0:
        return _bind_dequantize(params, indices, out, scale, zero_point, threads)
    calls = []
    if scale is not None:
        table = np.empty(params.shape, out.dtype)
        calls = _bind_table(params, table, axis, scale, zero_point, threads)
        params = table
    places = prod(indices.shape[batch_dims:])
    nothing = _nothing(out.dtype, inner)
    words = (
        *map(address, (params, indices, out, nothing)),
        prod(params.shape[:axis]),
        prod(params.shape[batch_dims:axis]),
        *(n, places, inner * out.itemsize),
    )
    tasks = task_count(out.nbytes, GRAIN, threads)
    kernel = cache.kernel(_gather_factory, int(indices.itemsize == 8))
    call = launch.bind(kernel, words, tasks, params, indices, out, nothing)
    return [*calls, call]


def _bind_dequantize(params, indices, out, scale, zero_point, threads):
    n = params.shape[0]
    scales = np.ascontiguousarray(np.broadcast_to(np.float32(scale), n))
    zero_points = np.ascontiguousarray(np.broadcast_to(np.int32(zero_point), n))
    nothing = _nothing(out.dtype, 1)
    tasks = task_count(out.nbytes, GRAIN, threads)
    scratch = np.empty(tasks * LANES * 8, np.uint8)
    words = (
        *map(address, (params, indices, out, nothing)),
        *(n, indices.size, params.size // max(n, 1)),
        *map(address, (scales, zero_points, scratch)),
    )
    kernel = cache.kernel(
        _dequantize_factory, isa.current().id, kind(out), int(indices.itemsize == 8)
    )
    keep = (params, indices, out, nothing, scales, zero_points, scratch)
    return [launch.bind(kernel, words, tasks, *keep)]


def _bind_table(params, table, axis, scale, zero_point, threads):
    """Calls that dequantize all of ``params`` along ``axis``: rows of its own axis."""
    n, inner = params.shape[axis], prod(params.shape[axis + 1 :])
    rows = np.arange(params.size // inner)
    scales = np.broadcast_to(np.float32(scale), n)[rows % n]
    zero_points = np.broadcast_to(np.int32(zero_point), n)[rows % n]
    lines = params.reshape(-1, inner)
    return _bind_dequantize(lines, rows, table, scales, zero_points, threads)


def _nothing(dtype: npt.DTypeLike, size: int) -> npt.NDArray:
    return np.full(size, np.nan if np.dtype(dtype).kind == "f" else 0, dtype)


def _one_hot_factory(source, WIDE):
    def one_hot(task, tasks, args):
        source  # noqa: B018
        indices, out, on = word(args, 0), word(args, 1), word(args, 2)
        count, depth, inner, size = (
            word(args, 3), word(args, 4), word(args, 5), word(args, 6)
        )  # fmt: skip
        for i in range(count * task // tasks, count * (task + 1) // tasks):
            index = word(indices, i) if WIDE else load_int(indices + i * 4)
            if 0 <= index < depth:
                place = (i // inner * depth + index) * inner + i % inner
                copy_bytes(out + place * size, on, size)

    return one_hot


def bind_one_hot(
    indices: Indices,
    out: npt.NDArray,
    *,
    on: float,
    off: float,
    axis: int,
    depth: int,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` ``on`` where an index is the place along ``axis``.

    Elsewhere, also along all of ``axis`` where the index is outside, it is ``off``.
    ``on`` and ``off`` are rounded to the dtype of ``out``.
    """
    if out.size == 0:
        return []
    on, off = np.full(1, on, out.dtype), np.full(1, off, out.dtype)
    inner = prod(out.shape[axis % out.ndim + 1 :])
    words = (
        *map(address, (indices, out, on)),
        *(indices.size, depth, inner, out.itemsize),
    )
    tasks = task_count(indices.nbytes, GRAIN, threads)
    kernel = cache.kernel(_one_hot_factory, int(indices.itemsize == 8))
    return [
        *bind_box(off, out, (out.size,), (0,), (1,), threads=threads),
        launch.bind(kernel, words, tasks, indices, out, on),
    ]
