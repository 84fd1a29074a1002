"""SUM and REDUCE_MAX over any axes (R3, R22, R29).

Maxima and sums modulo 2^n do not depend on their order, so sixteen lanes take what
comes: rows of sixteen columns where the last axis is kept, else pieces of one row
whose lanes are combined at the end. Sums of floats do depend on it: float_sum.py.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, float_sum, isa, launch
from qd8.kernels.elementwise import KINDS
from qd8.kernels.elementwise_operators import ELEMENTS, FLOATS, INTEGER
from qd8.kernels.float_arguments import address, task_count
from qd8.kernels.float_sum import bind_mean as bind_mean
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.movement import bind_transpose
from qd8.kernels.moves import copy_bytes, copy_items
from qd8.kernels.scalars import word
from qd8.kernels.scans import bind_arg_max as bind_arg_max
from qd8.kernels.scans import bind_cumsum as bind_cumsum
from qd8.kernels.simd import emitter, i64, ir_vector
from qd8.kernels.vector import F16, LANES

GRAIN = 1 << 15  # elements of a task
MAX, SUM = 0, 1


@intrinsic(prefer_literal=True)
def combine(typingctx, tier, kind, operation, x, step, count, out):
    """Combine ``count`` vectors, at least one, ``step`` bytes apart; store at ``out``.

    The operation is MAX (R3 for floats) or SUM (integers).
    """
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        x, step, count, out = args[3:]
        type_ = ir_vector(ELEMENTS[k], LANES)

        def load(index):
            raw = e.load(type_, x, builder.mul(index, step))
            return e.widen(raw) if k == F16 else raw

        def joined(a, b):
            if operation.literal_value == SUM:
                return builder.add(a, b)
            if k in FLOATS:
                return e.maximum(a, b)
            return INTEGER["maximum"].emit(e, a, b, None, None)

        def body(index, carried):
            return [joined(carried[0], load(builder.add(index, i64(1))))]

        (y,) = e.loop(builder.sub(count, i64(1)), [load(i64(0))], body)
        e.store(e.narrow(y) if k == F16 else y, out)
        return context.get_dummy_value()

    return types.none(tier, kind, operation, *[types.int64] * 4), codegen


def _reduce_factory(source, TIER, KIND, SIZE, OPERATION):
    vector = LANES * SIZE

    def reduce(task, tasks, args):
        source  # noqa: B018
        terms, inner = word(args, 3), word(args, 4)
        neutral = word(args, 5)
        scratch = word(args, 6) + task * 3 * vector
        pieces = -(-inner // LANES)  # of the columns of an outer index
        work = word(args, 2) * pieces
        for item in range(work * task // tasks, work * (task + 1) // tasks):
            line, piece = item // pieces, item % pieces
            x = word(args, 0) + line * terms * inner * SIZE
            out = word(args, 1) + line * inner * SIZE
            if inner > 1:
                # The last columns begin earlier rather than being fewer.
                column = min(piece * LANES, inner - LANES) * SIZE
                combine(
                    TIER, KIND, OPERATION, x + column, inner * SIZE, terms, out + column
                )
            else:
                copy_items(scratch, neutral, LANES, SIZE, 0, SIZE)
                copy_bytes(scratch, x + terms // LANES * vector, terms % LANES * SIZE)
                if terms >= LANES:
                    high = scratch + vector
                    combine(TIER, KIND, OPERATION, x, vector, terms // LANES, high)
                    combine(TIER, KIND, OPERATION, scratch, vector, 2, scratch)
                # Halves are combined until one lane is left; the others are read.
                half = LANES // 2
                while half:
                    combine(TIER, KIND, OPERATION, scratch, half * SIZE, 2, scratch)
                    half //= 2
                copy_bytes(out, scratch, SIZE)

    return reduce


def bind_sum(
    x: npt.NDArray, out: npt.NDArray, *, axes: Sequence[int], threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the sum of ``x`` over ``axes``: R22; integers wrap.

    Whether ``out`` has the reduced axes with extent 1 makes no difference.
    """
    if KINDS[x.dtype.name] in FLOATS:
        return float_sum.bind_sum(x, out, axes=axes, threads=threads)
    return _bind_reduce(SUM, 0, x, out, axes, threads)


def bind_reduce_max(
    x: npt.NDArray, out: npt.NDArray, *, axes: Sequence[int], threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the largest over ``axes``; NaN wins, -0.0 < +0.0."""
    integer = KINDS[x.dtype.name] not in FLOATS
    lowest = np.iinfo(x.dtype).min if integer else -np.inf
    return _bind_reduce(MAX, lowest, x, out, axes, threads)


def _bind_reduce(operation, neutral, x, out, axes, threads):
    if out.size == 0:
        return []
    rank = x.ndim
    reduced = sorted({axis % rank for axis in axes})
    # The kept axes behind the last reduced one stay innermost, if they fill lanes.
    border = max(reduced, default=-1) + 1
    if prod(x.shape[border:]) < LANES:
        border = rank
    kept = [axis for axis in range(border) if axis not in reduced]
    order = [*kept, *reduced, *range(border, rank)]
    calls = []
    if order != sorted(order):
        moved = np.empty([x.shape[axis] for axis in order], x.dtype)
        calls = bind_transpose(x, moved, perm=order, threads=threads)
        x = moved
    shape = x.shape
    neutral = np.full(1, neutral, x.dtype)
    tasks = task_count(x.size, GRAIN, threads)
    scratch = np.zeros(tasks * 3 * LANES * x.itemsize, np.uint8)
    words = (
        *map(address, (x, out)),
        prod(shape[: len(kept)]),
        prod(shape[len(kept) : border]),
        prod(shape[border:]),
        *map(address, (neutral, scratch)),
    )
    constants = KINDS[x.dtype.name], x.itemsize, operation
    kernel = cache.kernel(_reduce_factory, isa.current().id, *constants)
    return [*calls, launch.bind(kernel, words, tasks, x, out, neutral, scratch)]
