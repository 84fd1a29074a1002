"""MEAN and SUM: sums in a defined order (R22), then one true division.

Sixteen lanes and a tree where the last axis is summed; else one chain per output,
sixteen outputs side by side. Groups of channels are summed where they lie; other axes
that do not lie together are brought together by a transposing copy first.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import Float, address, kind, real_bits, task_count
from qd8.kernels.float_group_sum import bind_group_sum
from qd8.kernels.groups import grouped
from qd8.kernels.movement import bind_transpose
from qd8.kernels.scalars import real_word, word
from qd8.kernels.vector import (
    F16,
    LANES,
    load,
    load_first,
    splat,
    store,
    store_first,
    store_one,
    tree_sum,
)

GRAIN = 1 << 15  # elements of a task
WIDE = 4 * LANES  # channels of one pass over the rows


def _lanes_factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_sum_lanes(task, tasks, args):
        source  # noqa: B018
        lines, length, count = word(args, 2), word(args, 3), splat(real_word(args, 4))
        zero = np.float32(0)
        for line in range(lines * task // tasks, lines * (task + 1) // tasks):
            x = word(args, 0) + line * length * size
            total = splat(zero)
            i = 0
            while i + LANES <= length:
                total = total + load(TIER, KIND, x + i * size)
                i += LANES
            if i < length:
                # A lane is never -0.0 (it began at +0.0), so adding +0.0 is nothing.
                total = total + load_first(TIER, KIND, x + i * size, length - i, zero)
            mean = splat(tree_sum(TIER, total)) / count
            store_one(TIER, KIND, word(args, 1) + line * size, mean)

    return float_sum_lanes


def _chain_factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_sum_chain(task, tasks, args):
        source  # noqa: B018
        terms, inner, count = word(args, 3), word(args, 4), splat(real_word(args, 5))
        pieces = -(-inner // WIDE)  # of an outer index
        work = word(args, 2) * pieces
        zero = np.float32(0)
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            first = item // pieces * terms * inner
            c = item % pieces * WIDE
            x = word(args, 0) + (first + c) * size
            out = word(args, 1) + (item // pieces * inner + c) * size
            if c + WIDE <= inner:
                s0 = splat(zero)
                s1, s2, s3 = s0, s0, s0
                for _ in range(terms):
                    s0 = s0 + load(TIER, KIND, x)
                    s1 = s1 + load(TIER, KIND, x + LANES * size)
                    s2 = s2 + load(TIER, KIND, x + 2 * LANES * size)
                    s3 = s3 + load(TIER, KIND, x + 3 * LANES * size)
                    x += inner * size
                store(TIER, KIND, out, s0 / count)
                store(TIER, KIND, out + LANES * size, s1 / count)
                store(TIER, KIND, out + 2 * LANES * size, s2 / count)
                store(TIER, KIND, out + 3 * LANES * size, s3 / count)
            else:
                for begin in range(0, inner - c, LANES):
                    at, left = x + begin * size, inner - c - begin
                    total = splat(zero)
                    for _ in range(terms):
                        total = total + load_first(TIER, KIND, at, left, zero)
                        at += inner * size
                    store_first(TIER, KIND, out + begin * size, total / count, left)

    return float_sum_chain


def bind_mean(
    x: Float, out: Float, *, axes: Sequence[int], threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the mean of ``x`` over ``axes``.

    ``out`` holds the kept axes in order; whether it also has the reduced ones with
    extent 1 makes no difference.
    """
    count = prod(x.shape[axis] for axis in {axis % x.ndim for axis in axes})
    return _bind(x, out, axes, float(count), threads)


def bind_sum(
    x: Float, out: Float, *, axes: Sequence[int], threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the sum of ``x`` over ``axes``: divided by 1, exactly."""
    return _bind(x, out, axes, 1.0, threads)


def _bind(x, out, axes, divisor, threads):
    if out.size == 0:
        return []
    rank = x.ndim
    reduced = sorted({axis % rank for axis in axes})
    over_last = rank - 1 in reduced
    if over_last and (groups := grouped(x.shape, reduced)) is not None:
        return bind_group_sum(x, None, out, groups, divisor=divisor, threads=threads)
    # The kept axes behind the last reduced one stay innermost.
    border = rank if over_last else max(reduced, default=-1) + 1
    kept = [axis for axis in range(border) if axis not in reduced]
    order = [*kept, *reduced, *range(border, rank)]
    calls = []
    if order != sorted(order):
        moved = np.empty([x.shape[axis] for axis in order], x.dtype)
        calls = bind_transpose(x, moved, perm=order, threads=threads)
        x = moved
    shape = x.shape
    outer, terms, inner = (
        prod(shape[: len(kept)]),
        prod(shape[len(kept) : border]),
        prod(shape[border:]),
    )
    count = real_bits(divisor)
    tasks = task_count(x.size, GRAIN, threads)
    if over_last:
        factory, words = _lanes_factory, (outer, terms, count)
    else:
        factory, words = _chain_factory, (outer, terms, inner, count)
    kernel = cache.kernel(factory, isa.current().id, kind(x))
    words = (address(x), address(out), *words)
    return [*calls, launch.bind(kernel, words, tasks, x, out)]
