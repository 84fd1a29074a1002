"""SOFTMAX over the last axis (R26)."""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import Float, address, kind, real_bits, task_count
from qd8.kernels.float_exp import scaled
from qd8.kernels.float_quotient import quotient
from qd8.kernels.jit import njit
from qd8.kernels.scalars import real_word, word
from qd8.kernels.simd import i32, ir, ir_vector
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    define,
    f32x16,
    greater,
    less,
    load,
    load_first,
    select,
    splat,
    store,
    store_first,
    tree_sum,
)

GRAIN = 1 << 12  # elements of a task
SMALLEST_NORMAL = np.float32(2.0**-126)


def _all_maximum(e, x):
    """The largest of all lanes, in every lane; NaN is passed over."""
    distance = LANES // 2
    while distance:
        turned = [(lane + distance) % LANES for lane in range(LANES)]
        picks = ir.Constant(ir_vector(i32, LANES), turned)
        other = e.b.shuffle_vector(x, ir.Constant(x.type, ir.Undefined), picks)
        x = e.b.select(e.b.fcmp_ordered(">", other, x), other, x)
        distance //= 2
    return x


all_maximum = define(f32x16, (f32x16,), _all_maximum)


@njit
def scaled_row(TIER, KIND, x, n, beta, lowest, row):
    """Write ``n`` inputs times beta to ``row``, -inf behind, and give the largest.

    NaN is passed over, and either zero taken: the exponential of a NaN makes the sum
    NaN, hence the row, and those of -0.0 and +0.0 are both 1.
    """
    size = 2 if KIND == F16 else 4
    top0, top1, top2, top3 = lowest, lowest, lowest, lowest
    i = 0
    while i + 4 * LANES <= n:
        at, to = x + i * size, row + i * 4
        a = load(TIER, KIND, at) * beta
        b = load(TIER, KIND, at + LANES * size) * beta
        c = load(TIER, KIND, at + 2 * LANES * size) * beta
        d = load(TIER, KIND, at + 3 * LANES * size) * beta
        store(TIER, F32, to, a)
        store(TIER, F32, to + LANES * 4, b)
        store(TIER, F32, to + 2 * LANES * 4, c)
        store(TIER, F32, to + 3 * LANES * 4, d)
        top0, top1 = greater(TIER, top0, a), greater(TIER, top1, b)
        top2, top3 = greater(TIER, top2, c), greater(TIER, top3, d)
        i += 4 * LANES
    while i + LANES <= n:
        a = load(TIER, KIND, x + i * size) * beta
        store(TIER, F32, row + i * 4, a)
        top0 = greater(TIER, top0, a)
        i += LANES
    if i < n:
        rest = load_first(TIER, KIND, x + i * size, n - i, np.float32(0)) * beta
        store(TIER, F32, row + i * 4, rest)  # behind the row's end, too
    store(TIER, F32, row + n * 4, lowest)
    if i < n:
        top0 = greater(TIER, top0, load(TIER, F32, row + i * 4))
    top = greater(TIER, greater(TIER, top0, top1), greater(TIER, top2, top3))
    return all_maximum(TIER, top)


def _factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_softmax(task, tasks, args):
        source  # noqa: B018
        rows, n, zero = word(args, 3), word(args, 4), splat(np.float32(0))
        beta, lowest = splat(real_word(args, 5)), splat(real_word(args, 6))
        # A row of inputs times beta, then of exponentials times 2^63 (their quotients
        # are the same), and -inf behind it: those lanes do not change the maximum, and
        # their exponentials are +0.0.
        row = word(args, 2) + task * (n + LANES) * 4
        for m in range(rows * task // tasks, rows * (task + 1) // tasks):
            x, out = word(args, 0) + m * n * size, word(args, 1) + m * n * size
            top = scaled_row(TIER, KIND, x, n, beta, lowest, row)
            total = zero
            for i in range(0, n, LANES):
                power = scaled(TIER, load(TIER, F32, row + i * 4) - top)
                store(TIER, F32, row + i * 4, power)
                total = total + power
            sum_ = tree_sum(TIER, total)
            least, divisor = splat(sum_ * SMALLEST_NORMAL), splat(sum_)
            reciprocal = splat(np.float32(1) / sum_)
            for i in range(0, n, LANES):
                power = load(TIER, F32, row + i * 4)
                # No quotient is subnormal: those are 0.
                power = select(TIER, less(TIER, power, least), zero, power)
                y = quotient(TIER, power, divisor, reciprocal)
                if i + LANES <= n:
                    store(TIER, KIND, out + i * size, y)
                else:
                    store_first(TIER, KIND, out + i * size, y, n - i)

    return float_softmax


def bind_softmax(
    x: Float, out: Float, *, beta: float, threads: int
) -> list[launch.Call]:
    """Calls that make each row of ``out`` exp(beta * x), divided by its sum.

    ``beta`` is rounded to float32.
    """
    if out.size == 0:
        return []
    n = x.shape[-1]
    rows = x.size // n
    tasks = task_count(x.size, GRAIN, min(threads, rows))
    scratch = np.empty(tasks * (n + LANES), np.float32)
    words = (
        *map(address, (x, out, scratch)),
        *(rows, n, real_bits(beta), real_bits(-np.inf)),
    )
    kernel = cache.kernel(_factory, isa.current().id, kind(x))
    return [launch.bind(kernel, words, tasks, x, out, scratch)]
