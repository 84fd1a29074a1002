"""The one kernel that moves a box of elements from one strided array to another.

Transposing, slicing, padding, joining, repeating: each is a box with its strides,
made when a call is bound. Axes that both arrays walk through without a jump are
joined (boxes.py); a run that is contiguous in both is one *item* of bytes::

    for line in all axes but the last:  for item along the last:  copy the item

Where the last axis jumps in the array that is read while another axis does not,
those two are walked in tiles of 8 x 8 items, so that a cache line is used up while
it is near. A line then is 8 rows of that other axis.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy.typing as npt

from qd8.kernels import cache, launch
from qd8.kernels.boxes import joined
from qd8.kernels.float_arguments import address, task_count
from qd8.kernels.moves import ITEMS, SIDE, copy_bytes, copy_items, transpose_tile
from qd8.kernels.scalars import word

GRAIN = 1 << 17  # bytes of a task
_AXES = 7  # words before the axes


class Axis(NamedTuple):
    """An axis of a box; steps are in bytes."""

    extent: int
    from_step: int
    to_step: int


class Box(NamedTuple):
    """What one call moves: ``axes`` of items, outermost first, at least one."""

    item: int  # bytes
    axes: tuple[Axis, ...]
    rows: int = 0  # of the tiled axis, which axes[-2] counts in groups of SIDE
    row_step: int = 0  # bytes between them where they are written

    @property
    def lines(self) -> int:
        return prod(axis.extent for axis in self.axes[:-1])


def _factory(source):
    def strided_copy(task, tasks, args):
        source  # noqa: B018
        item, outer, lines = word(args, 2), word(args, 3), word(args, 4)
        rows, row_step = word(args, 5), word(args, 6)
        inner = args + 8 * (_AXES + 3 * outer)
        length, from_step, to_step = word(inner, 0), word(inner, 1), word(inner, 2)
        # Tasks share the lines; a single line they cut.
        first_line, last_line = lines * task // tasks, lines * (task + 1) // tasks
        first, last = 0, length
        if lines == 1:
            first_line, last_line = 0, 1
            first, last = length * task // tasks, length * (task + 1) // tasks
        for line in range(first_line, last_line):
            x, out, rest = word(args, 0), word(args, 1), line
            group = 0
            for up in range(outer):
                axis = args + 8 * (_AXES + 3 * (outer - 1 - up))
                extent = word(axis, 0)
                place = rest % extent
                rest //= extent
                x += place * word(axis, 1)
                out += place * word(axis, 2)
                if up == 0:
                    group = place
            x += first * from_step
            out += first * to_step
            count = last - first
            if rows:
                height = min(SIDE, rows - group * SIDE)
                done = 0
                while height == SIDE and done + SIDE <= count:
                    transpose_tile(out, x, row_step, from_step, item)
                    x += SIDE * from_step
                    out += SIDE * item
                    done += SIDE
                if 0 < done < count:
                    # The last tile ends with the line, and moves some items again.
                    back = SIDE - (count - done)
                    transpose_tile(
                        out - back * item, x - back * from_step, row_step, from_step,
                        item,
                    )  # fmt: skip
                    done = count
                for row in range(height):
                    at = out + row * row_step
                    copy_items(at, x + row * item, count - done, item, from_step, item)
            elif from_step == item and to_step == item:
                copy_bytes(out, x, count * item)
            else:
                copy_items(out, x, count, to_step, from_step, item)

    return strided_copy


def box(
    shape: Sequence[int],
    x_strides: Sequence[int],
    out_strides: Sequence[int],
    itemsize: int,
) -> Box:
    """The box of a move; strides are in elements of ``itemsize`` bytes."""
    extents, *steps = joined(shape, x_strides, out_strides)
    axes = [
        Axis(extent, from_step * itemsize, to_step * itemsize)
        for extent, from_step, to_step in zip(extents, *steps, strict=True)
    ]
    item, last = itemsize, axes[-1]
    if len(axes) > 1 and last.from_step == last.to_step == item:
        item *= last.extent
        axes.pop()
    elif last.to_step == item and item in ITEMS and last.extent >= SIDE:
        dense = [a for a in axes[:-1] if a.from_step == item and a.extent >= SIDE]
        if dense and last.from_step:
            rows = dense[0]
            axes.remove(rows)
            groups = Axis(-(-rows.extent // SIDE), SIDE * item, SIDE * rows.to_step)
            axes.insert(-1, groups)
            return Box(item, tuple(axes), rows.extent, rows.to_step)
    return Box(item, tuple(axes))


def bind_box(
    x: npt.NDArray,
    out: npt.NDArray,
    shape: Sequence[int],
    x_strides: Sequence[int],
    out_strides: Sequence[int],
    *,
    threads: int,
    x_start: int = 0,
    out_start: int = 0,
) -> list[launch.Call]:
    """Calls that move a box of ``shape``; strides and starts are in elements.

    ``x`` and ``out`` are of one itemsize: 1, 2, 4 or 8 bytes.
    """
    if prod(shape) == 0:
        return []
    size = out.itemsize
    made = box(shape, x_strides, out_strides, size)
    words = (
        address(x) + x_start * size,
        address(out) + out_start * size,
        made.item,
        len(made.axes) - 1,
        made.lines,
        made.rows,
        made.row_step,
        *(word for axis in made.axes for word in axis),
    )
    tasks = task_count(prod(shape) * size, GRAIN, threads)
    return [launch.bind(cache.kernel(_factory), words, tasks, x, out)]
