"""Float operators of one argument: clamps (R3), casts (R4), logistic (R25), R28 on.

A cast is a clamp without bounds whose two ends differ in dtype, so casts and
activations are one kernel. All but those and the logistic are elementwise.py's.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.comparison import bind_logical_not as bind_logical_not
from qd8.kernels.elementwise import bind_elementwise
from qd8.kernels.float_arguments import (
    Float,
    address,
    bounds_words,
    kind,
    task_count,
)
from qd8.kernels.float_binary import bind_mul
from qd8.kernels.float_exp import logistic as logistic_lanes
from qd8.kernels.integers import DTYPES as INTEGERS
from qd8.kernels.integers import bind_neg as bind_neg_integers
from qd8.kernels.jit import njit
from qd8.kernels.scalars import real_word, word
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    clamp,
    load,
    load_first,
    round_half,
    splat,
    store,
    store_first,
)

GRAIN = 1 << 15  # elements of a task
LOGISTIC_GRAIN = 1 << 12


@njit
def _clamped(TIER, ROUNDED, x, lo, hi):
    y = clamp(TIER, x, lo, hi)
    return round_half(TIER, y) if ROUNDED else y


def _clamp_factory(source, TIER, IN, OUT, ROUNDED):
    in_size, out_size = (2 if k == F16 else 4 for k in (IN, OUT))

    def float_clamp(task, tasks, args):
        source  # noqa: B018
        count, share = word(args, 2), word(args, 3)
        lo, hi = splat(real_word(args, 4)), splat(real_word(args, 5))
        i, last = task * share, min(count, (task + 1) * share)
        x, out = word(args, 0) + i * in_size, word(args, 1) + i * out_size
        while i + LANES <= last:
            lanes = load(TIER, IN, x)
            store(TIER, OUT, out, _clamped(TIER, ROUNDED, lanes, lo, hi))
            i += LANES
            x += LANES * in_size
            out += LANES * out_size
        if i < last:
            lanes = load_first(TIER, IN, x, last - i, np.float32(0))
            lanes = _clamped(TIER, ROUNDED, lanes, lo, hi)
            store_first(TIER, OUT, out, lanes, last - i)

    return float_clamp


@njit
def _gated(TIER, KIND, TIMES_X, x):
    """The logistic of x, or x times it."""
    gate = logistic_lanes(TIER, x)
    if TIMES_X and KIND == F16:
        gate = round_half(TIER, gate)  # the tensor between is float16 (C4)
    return x * gate if TIMES_X else gate


def _logistic_factory(source, TIER, KIND, TIMES_X):
    size = 2 if KIND == F16 else 4

    def float_logistic(task, tasks, args):
        source  # noqa: B018
        count, share = word(args, 2), word(args, 3)
        i, last = task * share, min(count, (task + 1) * share)
        x, out = word(args, 0) + i * size, word(args, 1) + i * size
        while i + LANES <= last:
            store(TIER, KIND, out, _gated(TIER, KIND, TIMES_X, load(TIER, KIND, x)))
            i += LANES
            x += LANES * size
            out += LANES * size
        if i < last:
            rest = load_first(TIER, KIND, x, last - i, np.float32(0))
            rest = _gated(TIER, KIND, TIMES_X, rest)
            store_first(TIER, KIND, out, rest, last - i)

    return float_logistic


def bind_clamp(
    x: Float, out: Float, *, activation: str, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the clamp of ``x``, in the dtype of ``out``.

    The arrays have one size; ``out`` may be ``x`` itself.
    """
    kernel = cache.kernel(_clamp_factory, isa.current().id, kind(x), kind(out), 0)
    return _bind(kernel, x, out, bounds_words(activation), GRAIN, threads)


def bind_relu(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R21."""
    return bind_clamp(x, out, activation="relu", threads=threads)


def bind_relu6(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R21."""
    return bind_clamp(x, out, activation="relu6", threads=threads)


def bind_relu_n1_to_1(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R21."""
    return bind_clamp(x, out, activation="relu_n1_to_1", threads=threads)


def bind_cast(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """float32 to float16, once to nearest even, or float16 to float32, exactly."""
    return bind_clamp(x, out, activation="none", threads=threads)


def bind_rounded(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` the float16 numbers nearest to ``x``, both float32.

    ``out`` may be ``x`` itself.
    """
    kernel = cache.kernel(_clamp_factory, isa.current().id, F32, F32, 1)
    return _bind(kernel, x, out, bounds_words("none"), GRAIN, threads)


def bind_logistic(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R25."""
    kernel = cache.kernel(_logistic_factory, isa.current().id, kind(x), 0)
    return _bind(kernel, x, out, (), LOGISTIC_GRAIN, threads)


def bind_swish(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` ``x`` times its logistic (R25, then R21)."""
    kernel = cache.kernel(_logistic_factory, isa.current().id, kind(x), 1)
    return _bind(kernel, x, out, (), LOGISTIC_GRAIN, threads)


def bind_abs(x: npt.NDArray, out: npt.NDArray, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` the magnitude of float, int32 or int64 (R28, R29)."""
    return _elementwise("abs", x, out, threads)


def bind_neg(x: npt.NDArray, out: npt.NDArray, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` ``-x`` of float, int32 or int64 (R28, R29)."""
    if x.dtype.name in INTEGERS:
        return bind_neg_integers(x, out, threads=threads)
    minus = np.full((), -1, x.dtype)  # the product is exact
    return bind_mul(x, minus, out, activation="none", threads=threads)


def bind_square(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` ``x * x`` (R28)."""
    return bind_mul(x, x, out, activation="none", threads=threads)


def bind_floor(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` the largest integers not above ``x`` (R28)."""
    return _elementwise("floor", x, out, threads)


def bind_sqrt(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` the square root, in one rounding (R28)."""
    return _elementwise("sqrt", x, out, threads)


def bind_rsqrt(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` 1 / sqrt(x), two roundings (R28)."""
    return _elementwise("rsqrt", x, out, threads)


def bind_hard_swish(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """Calls that make ``out`` ``x`` times a clamped line (R28)."""
    return _elementwise("hard_swish", x, out, threads)


def bind_leaky_relu(
    x: Float, out: Float, *, alpha: float, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` ``x``, times ``alpha`` where it is below 0 (R28).

    ``alpha`` is rounded to float32.
    """
    flat = x.reshape(-1)
    return bind_elementwise(
        "leaky_relu", (flat,), out.reshape(-1), numbers=(alpha, 0.0), threads=threads
    )


def bind_exp(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R24."""
    return _elementwise("exp", x, out, threads)


def bind_elu(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R31."""
    return _elementwise("elu", x, out, threads)


def bind_tanh(x: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R32."""
    return _elementwise("tanh", x, out, threads)


def bind_gelu(
    x: Float, out: Float, *, approximate: bool, threads: int
) -> list[launch.Call]:
    """R33."""
    name = "gelu_approximate" if approximate else "gelu"
    return _elementwise(name, x, out, threads)


def _elementwise(name, x, out, threads):
    return bind_elementwise(name, (x.reshape(-1),), out.reshape(-1), threads=threads)


def _bind(kernel, x, out, words, grain, threads):
    tasks = task_count(out.size, grain, threads)
    share = -(-out.size // (tasks * LANES)) * LANES
    words = (address(x), address(out), out.size, share, *words)
    return [launch.bind(kernel, words, tasks, x, out)]
