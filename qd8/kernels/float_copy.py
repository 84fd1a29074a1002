"""Moving elements without arithmetic: copy, pad, concatenate, transpose, repeat.

One kernel moves a box of elements from one strided array to another, as bits, so it
knows widths (2 or 4 bytes) and no numbers.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.boxes import contiguous_strides, joined, padded
from qd8.kernels.float_arguments import Float, address, task_count
from qd8.kernels.float_unary import bind_clamp
from qd8.kernels.simd import word
from qd8.kernels.vector import (
    I16,
    I32,
    LANES,
    load,
    load_first,
    load_one,
    store,
    store_first,
    store_one,
)

RANK = 6
GRAIN = 1 << 15  # elements of a task
_SHAPE, _FROM, _TO = 2, 2 + RANK, 2 + 2 * RANK  # words of a box


def _factory(source, TIER, KIND):
    size = 2 if KIND == I16 else 4
    outer = RANK - 1  # the last axis is the inner loop

    def float_copy(task, tasks, args):
        source  # noqa: B018
        lines, length = 1, word(args, _SHAPE + outer)
        for axis in range(outer):
            lines *= word(args, _SHAPE + axis)
        from_step = word(args, _FROM + outer) * size
        to_step = word(args, _TO + outer) * size
        # Tasks share the lines; a single line they cut.
        first_line, last_line = lines * task // tasks, lines * (task + 1) // tasks
        first, last = 0, length
        if lines == 1:
            first_line, last_line = 0, 1
            first, last = length * task // tasks, length * (task + 1) // tasks
        for line in range(first_line, last_line):
            x, out, rest = word(args, 0), word(args, 1), line
            for back in range(outer):
                axis = outer - 1 - back
                extent = word(args, _SHAPE + axis)
                if extent > 1:
                    x += rest % extent * word(args, _FROM + axis) * size
                    out += rest % extent * word(args, _TO + axis) * size
                    rest //= extent
            i = first
            if from_step == size and to_step == size:
                while i + LANES <= last:
                    store(TIER, KIND, out + i * size, load(TIER, KIND, x + i * size))
                    i += LANES
                if i < last:
                    lanes = load_first(TIER, KIND, x + i * size, last - i, np.int32(0))
                    store_first(TIER, KIND, out + i * size, lanes, last - i)
            else:
                while i < last:
                    one = load_one(TIER, KIND, x + i * from_step)
                    store_one(TIER, KIND, out + i * to_step, one)
                    i += 1

    return float_copy


def bind_box(
    x: Float,
    out: Float,
    shape: Sequence[int],
    x_strides: Sequence[int],
    out_strides: Sequence[int],
    *,
    threads: int,
    x_start: int = 0,
    out_start: int = 0,
) -> list[launch.Call]:
    """Calls that move a box of ``shape``; strides and starts are in elements."""
    if prod(shape) == 0:
        return []
    extents, from_strides, to_strides = joined(shape, x_strides, out_strides)
    size = x.itemsize
    words = (
        address(x) + x_start * size,
        address(out) + out_start * size,
        *padded(extents, RANK, 1),
        *padded(from_strides, RANK, 0),
        *padded(to_strides, RANK, 0),
    )
    tasks = task_count(prod(shape), GRAIN, threads)
    kernel = cache.kernel(_factory, isa.current().id, I16 if size == 2 else I32)
    return [launch.bind(kernel, words, tasks, x, out)]


def bind_copy(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that copy ``x`` to ``out`` of the same size: a reshape."""
    return bind_box(x, out, (x.size,), (1,), (1,), threads=threads)


def bind_transpose(
    x: Float, out: Float, *, axes: Sequence[int], threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` ``x.transpose(axes)``."""
    strides = contiguous_strides(x.shape)
    from_strides = [strides[axis] for axis in axes]
    to_strides = contiguous_strides(out.shape)
    return bind_box(x, out, out.shape, from_strides, to_strides, threads=threads)


def bind_pad(
    x: Float,
    out: Float,
    *,
    paddings: Sequence[tuple[int, int]],
    value: float,
    threads: int,
) -> list[launch.Call]:
    """Calls that surround ``x`` by ``value``.

    Parameters
    ----------
    paddings : (before, after) of each axis
    value : float
        Rounded to the dtype of the arrays.
    """
    to_strides = contiguous_strides(out.shape)
    start = sum(p[0] * s for p, s in zip(paddings, to_strides, strict=True))
    calls = bind_box(
        x,
        out,
        x.shape,
        contiguous_strides(x.shape),
        to_strides,
        threads=threads,
        out_start=start,
    )
    # In front of and behind x along each axis: the axes before it as wide as x,
    # those after it as wide as out, so that every element is written once.
    corner = 0
    for axis, (before, after) in enumerate(paddings):
        step = to_strides[axis]
        behind = corner + (before + x.shape[axis]) * step
        for width, at in ((before, corner), (after, behind)):
            with np.errstate(over="ignore"):
                line = np.full(width * step, value, out.dtype)
            outer = x.shape[:axis]
            calls += bind_box(
                line,
                out,
                (*outer, len(line)),
                (0,) * axis + (1,),
                (*to_strides[:axis], 1),
                threads=threads,
                out_start=at,
            )
        corner += before * step
    return calls


def bind_concatenation(
    arrays: Sequence[Float], out: Float, *, axis: int, activation: str, threads: int
) -> list[launch.Call]:
    """Calls that join ``arrays`` along ``axis`` and clamp the result."""
    axis %= out.ndim
    strides = contiguous_strides(out.shape)
    calls, start = [], 0
    for x in arrays:
        from_strides = contiguous_strides(x.shape)
        calls += bind_box(
            x, out, x.shape, from_strides, strides, threads=threads, out_start=start
        )
        start += x.shape[axis] * strides[axis]
    if activation != "none":
        calls += bind_clamp(out, out, activation=activation, threads=threads)
    return calls
