"""Layer normalization of rows, as tf.nn.batch_normalization spells it.

The operators of the unfused graph, on one row while it is in the nearest cache::

    mean = MEAN(x)                              inverse = RSQRT(variance + epsilon)
    variance = MEAN(SQUARED_DIFFERENCE(x, mean))      g = inverse * gamma
    y = x * g + (beta - mean * g)

each with its own rounding and R22's order of sums. Of float16 rows the statistics and
g's product are float32 (R30); the mean, g and all that is made of g are tensors of
float16 in the unfused graph, and are rounded there (R4).
"""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import Float, address, kind, real_bits, task_count
from qd8.kernels.scalars import real_word, word
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    lanes_between,
    load,
    load_first,
    round_half,
    select,
    splat,
    square_root,
    store,
    store_first,
    tree_sum,
)

GRAIN = 1 << 14  # elements of a task


def _factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_layer_norm(task, tasks, args):
        source  # noqa: B018
        gamma, beta = word(args, 1), word(args, 2)
        rows, n = word(args, 4), word(args, 5)
        epsilon, count = splat(real_word(args, 6)), splat(real_word(args, 7))
        zero = np.float32(0)
        whole, rest = n // LANES * LANES, n % LANES
        for row in range(rows * task // tasks, rows * (task + 1) // tasks):
            x, out = word(args, 0) + row * n * size, word(args, 3) + row * n * size
            total = splat(zero)
            for i in range(0, whole, LANES):
                total = total + load(TIER, KIND, x + i * size)
            if rest:
                # A lane is never -0.0 (it began at +0.0), so adding +0.0 is nothing.
                total = total + load_first(TIER, KIND, x + whole * size, rest, zero)
            mean = splat(tree_sum(TIER, total)) / count
            if KIND == F16:
                mean = round_half(TIER, mean)
            total = splat(zero)
            for i in range(0, whole, LANES):
                difference = load(TIER, KIND, x + i * size) - mean
                total = total + difference * difference
            if rest:
                last = load_first(TIER, KIND, x + whole * size, rest, zero) - mean
                lanes = lanes_between(TIER, 0, rest)
                total = total + select(TIER, lanes, last * last, splat(zero))
            variance = splat(tree_sum(TIER, total)) / count
            inverse = splat(np.float32(1)) / square_root(TIER, variance + epsilon)
            for i in range(0, n, LANES):
                if i < whole:
                    lanes = load(TIER, KIND, x + i * size)
                    g = inverse * load(TIER, F32, gamma + i * 4)
                    offset = load(TIER, KIND, beta + i * size)
                else:
                    lanes = load_first(TIER, KIND, x + i * size, rest, zero)
                    g = inverse * load_first(TIER, F32, gamma + i * 4, rest, zero)
                    offset = load_first(TIER, KIND, beta + i * size, rest, zero)
                if KIND == F16:
                    g = round_half(TIER, g)
                scaled, shift = lanes * g, mean * g
                if KIND == F16:
                    scaled, shift = round_half(TIER, scaled), round_half(TIER, shift)
                shift = offset - shift
                if KIND == F16:
                    shift = round_half(TIER, shift)
                y = scaled + shift
                if i < whole:
                    store(TIER, KIND, out + i * size, y)
                else:
                    store_first(TIER, KIND, out + i * size, y, rest)

    return float_layer_norm


def bind_layer_norm(
    x: Float,
    gamma: Float,
    beta: Float,
    out: Float,
    *,
    epsilon: float,
    threads: int,
) -> list[launch.Call]:
    """Calls that normalize the rows of ``x``.

    Parameters
    ----------
    x, out : (..., N) of one dtype
    gamma : (N,) float32
    beta : (N,) of the dtype of ``x``
    epsilon : float32
    """
    if out.size == 0:
        return []
    n = x.shape[-1]
    rows = x.size // n
    tasks = task_count(x.size, GRAIN, min(threads, rows))
    words = (
        *map(address, (x, gamma, beta, out)),
        *(rows, n, real_bits(epsilon), real_bits(n)),
    )
    kernel = cache.kernel(_factory, isa.current().id, kind(x))
    return [launch.bind(kernel, words, tasks, x, gamma, beta, out)]
