"""SOFTMAX over the last axis (R26)."""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import Float, address, kind, real_bits, task_count
from qd8.kernels.float_exp import vanishing
from qd8.kernels.simd import i32, ir, ir_vector, real_word, word
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    define,
    f32x16,
    less,
    load,
    load_first,
    maximum,
    select,
    splat,
    store,
    store_first,
    tree_sum,
)

GRAIN = 1 << 12  # elements of a task
SMALLEST_NORMAL = np.float32(2.0**-126)


def _all_maximum(e, x):
    """R3's maximum of all lanes, in every lane."""
    distance = LANES // 2
    while distance:
        turned = [(lane + distance) % LANES for lane in range(LANES)]
        picks = ir.Constant(ir_vector(i32, LANES), turned)
        other = e.b.shuffle_vector(x, ir.Constant(x.type, ir.Undefined), picks)
        x = e.maximum(x, other)
        distance //= 2
    return x


all_maximum = define(f32x16, (f32x16,), _all_maximum)


def _factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_softmax(task, tasks, args):
        source  # noqa: B018
        rows, n, zero = word(args, 3), word(args, 4), splat(np.float32(0))
        beta, lowest = splat(real_word(args, 5)), splat(real_word(args, 6))
        # A row of scaled inputs, then of exponentials, and -inf behind it: those
        # lanes do not change the maximum, and exp makes them +0.0.
        row = word(args, 2) + task * (n + LANES) * 4
        for m in range(rows * task // tasks, rows * (task + 1) // tasks):
            x, out = word(args, 0) + m * n * size, word(args, 1) + m * n * size
            for i in range(0, n, LANES):
                at = x + i * size
                if i + LANES <= n:
                    lanes = load(TIER, KIND, at)
                else:
                    lanes = load_first(TIER, KIND, at, n - i, np.float32(0))
                # What this writes behind the row's end is replaced next.
                store(TIER, F32, row + i * 4, lanes * beta)
            store(TIER, F32, row + n * 4, lowest)
            top = lowest
            for i in range(0, n, LANES):
                top = maximum(TIER, top, load(TIER, F32, row + i * 4))
            top = all_maximum(TIER, top)
            total = zero
            for i in range(0, n, LANES):
                power = vanishing(TIER, load(TIER, F32, row + i * 4) - top)
                store(TIER, F32, row + i * 4, power)
                total = total + power
            divisor = tree_sum(TIER, total)
            least, divisor = splat(divisor * SMALLEST_NORMAL), splat(divisor)
            for i in range(0, n, LANES):
                power = load(TIER, F32, row + i * 4)
                # No quotient is subnormal: those are 0.
                y = select(TIER, less(TIER, power, least), zero, power) / divisor
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
