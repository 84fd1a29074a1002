"""ARG_MAX and CUMSUM: one walk along an axis for each output (R35)."""

from math import prod

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.elementwise import KINDS
from qd8.kernels.elementwise_operators import ELEMENTS, FLOATS
from qd8.kernels.float_arguments import address, task_count
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.scalars import store_scalar, word
from qd8.kernels.simd import emitter, f32, i64
from qd8.kernels.vector import F16, I32

GRAIN = 1 << 14  # elements of a task


@intrinsic(prefer_literal=True)
def order_key(typingctx, kind, at):
    """An int64 that orders as the element at ``at`` does.

    -0.0 and +0.0 have one key, NaN that of no number and above all of them.
    """
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, types.literal(0))
        x = e.load(ELEMENTS[k], args[1])
        if k not in FLOATS:
            return builder.sext(x, i64) if k == I32 else x
        x = e.widen(x) if k == F16 else x
        bits = e.bits(x)
        magnitude = builder.and_(bits, e.const(bits.type, 0x7FFFFFFF))
        below = builder.icmp_signed("<", bits, e.const(bits.type, 0))
        key = builder.select(below, builder.neg(magnitude), magnitude)
        nan = builder.fcmp_unordered("uno", x, x)
        return builder.select(nan, i64(1 << 40), builder.sext(key, i64))

    return types.int64(kind, types.int64), codegen


def _arg_max_factory(source, KIND, SIZE):
    def arg_max(task, tasks, args):
        source  # noqa: B018
        n, inner, wide = word(args, 3), word(args, 4), word(args, 5)
        items = word(args, 2)
        step = inner * SIZE
        for item in range(items * task // tasks, items * (task + 1) // tasks):
            line, column = item // inner, item % inner
            at = word(args, 0) + (line * n * inner + column) * SIZE
            best, place = order_key(KIND, at), 0
            for i in range(1, n):
                at += step
                key = order_key(KIND, at)
                if key > best:
                    best, place = key, i
            if wide:
                store_scalar(word(args, 1) + item * 8, np.int64(place))
            else:
                store_scalar(word(args, 1) + item * 4, np.int32(place))

    return arg_max


def bind_arg_max(
    x: npt.NDArray, out: npt.NDArray, *, axis: int, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` where along ``axis`` the largest is, the first of equals.

    ``out`` is int32 or int64. The first NaN wins; -0.0 and +0.0 are equal.
    """
    if out.size == 0:
        return []
    axis %= x.ndim
    words = (
        *map(address, (x, out)),
        *(out.size, x.shape[axis], prod(x.shape[axis + 1 :]), int(out.itemsize == 8)),
    )
    tasks = task_count(x.size, GRAIN, threads)
    kernel = cache.kernel(_arg_max_factory, KINDS[x.dtype.name], x.itemsize)
    return [launch.bind(kernel, words, tasks, x, out)]


@intrinsic(prefer_literal=True)
def load_number(typingctx, tier, kind, at):
    """The element at ``at`` as float32 or int64."""
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        x = e.load(ELEMENTS[k], args[2])
        if k == F16:
            return e.widen(x)
        return builder.sext(x, i64) if k == I32 else x

    result = types.float32 if k in FLOATS else types.int64
    return result(tier, kind, types.int64), codegen


@intrinsic(prefer_literal=True)
def store_number(typingctx, tier, kind, at, value):
    """Store a float32 or int64, rounded or truncated to the kind."""
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        x = args[3]
        if k == F16:
            x = e.narrow(x)
        elif k == I32:
            x = builder.trunc(x, ELEMENTS[k])
        e.store(x, args[2])
        return context.get_dummy_value()

    number = types.float32 if k in FLOATS else types.int64
    return types.none(tier, kind, types.int64, number), codegen


def _cumsum_factory(source, TIER, KIND, SIZE):
    def cumsum(task, tasks, args):
        source  # noqa: B018
        items, n, inner = word(args, 2), word(args, 3), word(args, 4)
        exclusive, reverse = word(args, 5), word(args, 6)
        step = inner * SIZE
        for item in range(items * task // tasks, items * (task + 1) // tasks):
            start = (item // inner * n * inner + item % inner) * SIZE
            if reverse:
                start += (n - 1) * step
            x, out = word(args, 0) + start, word(args, 1) + start
            total = zero_of(KIND)
            for _ in range(n):
                after = total + load_number(TIER, KIND, x)
                store_number(TIER, KIND, out, total if exclusive else after)
                total = after
                x += -step if reverse else step
                out += -step if reverse else step

    return cumsum


@intrinsic(prefer_literal=True)
def zero_of(typingctx, kind):
    """+0.0 as float32, or 0 as int64."""
    number = types.float32 if kind.literal_value in FLOATS else types.int64

    def codegen(context, builder, signature, args):
        return f32(0.0) if number == types.float32 else i64(0)

    return number(kind), codegen


def bind_cumsum(
    x: npt.NDArray,
    out: npt.NDArray,
    *,
    axis: int,
    exclusive: bool,
    reverse: bool,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` the sums up to each element along ``axis`` (R35).

    ``exclusive`` leaves the element itself out, ``reverse`` counts from the end. One
    chain from +0.0; integers wrap.
    """
    if out.size == 0:
        return []
    axis %= x.ndim
    n, inner = x.shape[axis], prod(x.shape[axis + 1 :])
    words = (
        *map(address, (x, out)),
        *(x.size // n, n, inner, int(exclusive), int(reverse)),
    )
    tasks = task_count(x.size, GRAIN, threads)
    constants = KINDS[x.dtype.name], x.itemsize
    kernel = cache.kernel(_cumsum_factory, isa.current().id, *constants)
    return [launch.bind(kernel, words, tasks, x, out)]
