"""MEAN and SUM: sums in a defined order (R22), then one true division.

Sixteen lanes and a tree where the last axis is summed; else one chain per output,
sixteen outputs side by side. Groups of channels are summed where they lie; other axes
that do not lie together are brought together by a transposing copy first.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.atomics import load_word, pause, store_word, yield_thread
from qd8.kernels.float_arguments import (
    Float,
    address,
    aligned,
    kind,
    real_bits,
    task_count,
)
from qd8.kernels.float_group_sum import bind_group_sum
from qd8.kernels.groups import grouped
from qd8.kernels.jit import njit
from qd8.kernels.movement import bind_transpose
from qd8.kernels.scalars import real_word, word
from qd8.kernels.team_words import TURNS, yielding
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    load,
    load_first,
    splat,
    store,
    store_first,
    store_one,
    tree_sum,
)

GRAIN = 1 << 14  # elements of a task
WIDE = 4 * LANES  # channels of one pass over the rows
PROGRESS_BYTES = 128  # from one task's progress to the next: not in one cache line


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
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            first = item // pieces * terms * inner
            c = item % pieces * WIDE
            x = word(args, 0) + (first + c) * size
            out = word(args, 1) + (item // pieces * inner + c) * size
            _sum_piece(TIER, KIND, x, inner, c, terms, 0, 0, out, count)

    return float_sum_chain


def _relay_factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_sum_relay(task, tasks, args):
        source  # noqa: B018
        terms, inner, count = word(args, 2), word(args, 3), splat(real_word(args, 4))
        share, partial = word(args, 5), word(args, 6)
        first = min(share * task, terms)
        rows = min(share, terms - first)
        mine = word(args, 7) + PROGRESS_BYTES * task
        # Each call moves every task's progress on by as many pieces.
        done = load_word(mine)
        for c in range(0, inner, WIDE):
            if task > 0:
                turns = 0
                while load_word(mine - PROGRESS_BYTES) == done:
                    turns += 1
                    pause()
                    if turns > TURNS and word(args, 8) != 0:
                        yield_thread(word(args, 8))
            before = partial + 4 * c if task > 0 else 0
            after = partial + 4 * c if task + 1 < tasks else 0
            x = word(args, 0) + (first * inner + c) * size
            out = word(args, 1) + c * size
            _sum_piece(TIER, KIND, x, inner, c, rows, before, after, out, count)
            done += 1
            store_word(mine, done)

    return float_sum_relay


@njit
def _sum_piece(TIER, KIND, x, inner, c, terms, before, after, out, count):
    """Sum ``terms`` rows of the WIDE channels at ``x``, from channel ``c`` on.

    The chains go on from the sums at ``before``, if any; they are left at ``after``
    for whoever goes on, or divided and stored at ``out``.
    """
    size, zero = 2 if KIND == F16 else 4, np.float32(0)
    line = LANES * size
    if c + WIDE <= inner:
        s0 = splat(zero)
        s1, s2, s3 = s0, s0, s0
        if before != 0:
            s0, s1 = load(TIER, F32, before), load(TIER, F32, before + 64)
            s2, s3 = load(TIER, F32, before + 128), load(TIER, F32, before + 192)
        for _ in range(terms):
            s0 = s0 + load(TIER, KIND, x)
            s1 = s1 + load(TIER, KIND, x + line)
            s2 = s2 + load(TIER, KIND, x + 2 * line)
            s3 = s3 + load(TIER, KIND, x + 3 * line)
            x += inner * size
        if after != 0:
            store(TIER, F32, after, s0)
            store(TIER, F32, after + 64, s1)
            store(TIER, F32, after + 128, s2)
            store(TIER, F32, after + 192, s3)
        else:
            store(TIER, KIND, out, s0 / count)
            store(TIER, KIND, out + line, s1 / count)
            store(TIER, KIND, out + 2 * line, s2 / count)
            store(TIER, KIND, out + 3 * line, s3 / count)
    else:
        for begin in range(0, inner - c, LANES):
            at, left = x + begin * size, inner - c - begin
            total = splat(zero)
            if before != 0:
                total = load(TIER, F32, before + 4 * begin)
            for _ in range(terms):
                total = total + load_first(TIER, KIND, at, left, zero)
                at += inner * size
            if after != 0:
                store(TIER, F32, after + 4 * begin, total)
            else:
                store_first(TIER, KIND, out + begin * size, total / count, left)


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
    if factory is _chain_factory and outer == 1 and terms > 1 and tasks > 1:
        lines = next((n for n in shape if n > 1), 1)
        return [*calls, _bind_relay(x, out, lines, terms, inner, count, tasks)]
    kernel = cache.kernel(factory, isa.current().id, kind(x))
    words = (address(x), address(out), *words)
    return [*calls, launch.bind(kernel, words, tasks, x, out)]


def _bind_relay(
    x: Float, out: Float, lines: int, terms: int, inner: int, count: int, tasks: int
) -> launch.Call:
    """The call whose tasks sum rows one after the other, piece by piece.

    Each reads the rows of an image that its thread has just made, instead of channels
    of all rows, half of them in another core's cache. A task waits for an earlier one
    only; those are claimed first, so the one it waits for runs.

    lines : whole ones are shared, as by those who make images
    """
    tasks = min(tasks, lines)
    share = -(-lines // tasks) * (terms // lines)
    partial = aligned((1, -(-inner // LANES) * LANES))
    progress = np.zeros((tasks + 1) * PROGRESS_BYTES // 8, np.int64)
    begin = -(-address(progress) // PROGRESS_BYTES) * PROGRESS_BYTES
    words = (
        *(address(x), address(out), terms, inner, count, share),
        *(address(partial), begin, yielding()),
    )
    kernel = cache.kernel(_relay_factory, isa.current().id, kind(x))
    return launch.bind(kernel, words, tasks, x, out, partial, progress)
