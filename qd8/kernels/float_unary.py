"""Float operators of one argument: clamps (R3), casts (R4) and logistic (R25).

A cast is a clamp without bounds whose two ends differ in dtype, so casts and
activations are one kernel.
"""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import (
    Float,
    address,
    bounds_words,
    kind,
    task_count,
)
from qd8.kernels.float_exp import logistic as logistic_lanes
from qd8.kernels.simd import real_word, word
from qd8.kernels.vector import (
    F16,
    LANES,
    clamp,
    load,
    load_first,
    splat,
    store,
    store_first,
)

GRAIN = 1 << 15  # elements of a task
LOGISTIC_GRAIN = 1 << 12


def _clamp_factory(source, TIER, IN, OUT):
    in_size, out_size = (2 if k == F16 else 4 for k in (IN, OUT))

    def float_clamp(task, tasks, args):
        source  # noqa: B018
        count, share = word(args, 2), word(args, 3)
        lo, hi = splat(real_word(args, 4)), splat(real_word(args, 5))
        i, last = task * share, min(count, (task + 1) * share)
        x, out = word(args, 0) + i * in_size, word(args, 1) + i * out_size
        while i + LANES <= last:
            store(TIER, OUT, out, clamp(TIER, load(TIER, IN, x), lo, hi))
            i += LANES
            x += LANES * in_size
            out += LANES * out_size
        if i < last:
            lanes = load_first(TIER, IN, x, last - i, np.float32(0))
            store_first(TIER, OUT, out, clamp(TIER, lanes, lo, hi), last - i)

    return float_clamp


def _logistic_factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def float_logistic(task, tasks, args):
        source  # noqa: B018
        count, share = word(args, 2), word(args, 3)
        i, last = task * share, min(count, (task + 1) * share)
        x, out = word(args, 0) + i * size, word(args, 1) + i * size
        while i < last:
            if i + LANES <= last:
                lanes = load(TIER, KIND, x)
            else:
                lanes = load_first(TIER, KIND, x, last - i, np.float32(0))
            lanes = logistic_lanes(TIER, lanes)
            if i + LANES <= last:
                store(TIER, KIND, out, lanes)
            else:
                store_first(TIER, KIND, out, lanes, last - i)
            i += LANES
            x += LANES * size
            out += LANES * size

    return float_logistic


def bind_clamp(
    x: Float, out: Float, *, activation: str, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the clamp of ``x``, in the dtype of ``out``.

    The arrays have one size; ``out`` may be ``x`` itself.
    """
    kernel = cache.kernel(_clamp_factory, isa.current().id, kind(x), kind(out))
    return _bind(kernel, x, out, bounds_words(activation), GRAIN, threads)


def bind_relu(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R21."""
    return bind_clamp(x, out, activation="relu", threads=threads)


def bind_relu6(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R21."""
    return bind_clamp(x, out, activation="relu6", threads=threads)


def bind_cast(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """float32 to float16, once to nearest even, or float16 to float32, exactly."""
    return bind_clamp(x, out, activation="none", threads=threads)


def bind_logistic(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R25."""
    kernel = cache.kernel(_logistic_factory, isa.current().id, kind(x))
    return _bind(kernel, x, out, (), LOGISTIC_GRAIN, threads)


def _bind(kernel, x, out, words, grain, threads):
    tasks = task_count(out.size, grain, threads)
    share = -(-out.size // (tasks * LANES)) * LANES
    words = (address(x), address(out), out.size, share, *words)
    return [launch.bind(kernel, words, tasks, x, out)]
