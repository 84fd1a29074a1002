"""Arithmetic of two operands with NumPy's broadcasting (R21, R28, R29, R34).

ADD, SUB and MUL of floats, with their activation clamp, are one kernel here; the other
operators are elementwise.py's, and so are all operators of int32 and int64.

After joining axes (boxes.py) each operand either walks along the inner loop or
stands still there. One that stands still is spread over sixteen lanes of scratch
and loaded again and again, so the loop knows no difference. a - b is a + (-1) * b:
that product is exact.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.activation import BOUNDS
from qd8.kernels.boxes import broadcast_strides, contiguous_strides, joined, padded
from qd8.kernels.broadcasting import written_out
from qd8.kernels.elementwise import bind_elementwise
from qd8.kernels.float_arguments import (
    Float,
    address,
    bounds_words,
    kind,
    real_bits,
    task_count,
)
from qd8.kernels.integers import DTYPES as INTEGERS
from qd8.kernels.scalars import real_word, word
from qd8.kernels.vector import (
    F16,
    LANES,
    clamp,
    load,
    load_first,
    load_one,
    splat,
    store,
    store_first,
)

RANK = 6
GRAIN = 1 << 14  # elements of a task
_SHAPE, _A, _B = 8, 8 + RANK, 8 + 2 * RANK  # words of the box
_SCRATCH = 2 * LANES * 4  # bytes of a task


def _factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4
    outer = RANK - 1  # the last axis is the inner loop

    def float_binary(task, tasks, args):
        source  # noqa: B018
        product, sign = word(args, 4), splat(real_word(args, 5))
        lo, hi = splat(real_word(args, 6)), splat(real_word(args, 7))
        zero = np.float32(0)
        lines, length = 1, word(args, _SHAPE + outer)
        for axis in range(outer):
            lines *= word(args, _SHAPE + axis)
        a_step = word(args, _A + outer) * LANES * size
        b_step = word(args, _B + outer) * LANES * size
        a_spread = word(args, 3) + task * _SCRATCH
        b_spread = a_spread + LANES * size
        # Tasks share the lines; a single line they cut.
        first_line, last_line = lines * task // tasks, lines * (task + 1) // tasks
        first, last = 0, length
        if lines == 1:
            first_line, last_line = 0, 1
            first, last = length * task // tasks, length * (task + 1) // tasks
        for line in range(first_line, last_line):
            a, b, rest = word(args, 0), word(args, 1), line
            for back in range(outer):
                axis = outer - 1 - back
                extent = word(args, _SHAPE + axis)
                if extent > 1:
                    a += rest % extent * word(args, _A + axis) * size
                    b += rest % extent * word(args, _B + axis) * size
                    rest //= extent
            out = word(args, 2) + (line * length + first) * size
            if a_step:
                a += first * size
            else:
                store(TIER, KIND, a_spread, load_one(TIER, KIND, a))
                a = a_spread
            if b_step:
                b += first * size
            else:
                store(TIER, KIND, b_spread, load_one(TIER, KIND, b))
                b = b_spread
            i = first
            while i + LANES <= last:
                left, right = load(TIER, KIND, a), load(TIER, KIND, b)
                y = left * right if product else left + right * sign
                store(TIER, KIND, out, clamp(TIER, y, lo, hi))
                i += LANES
                a += a_step
                b += b_step
                out += LANES * size
            if i < last:
                left = load_first(TIER, KIND, a, last - i, zero)
                right = load_first(TIER, KIND, b, last - i, zero)
                y = left * right if product else left + right * sign
                store_first(TIER, KIND, out, clamp(TIER, y, lo, hi), last - i)

    return float_binary


def bind_add(
    a: npt.NDArray,
    b: npt.NDArray,
    out: npt.NDArray,
    *,
    activation: str = "none",
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` ``a + b``: one rounding, or modulo the width."""
    return _bind("add", a, b, out, activation, threads)


def bind_sub(
    a: npt.NDArray,
    b: npt.NDArray,
    out: npt.NDArray,
    *,
    activation: str = "none",
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` ``a - b``: one rounding, or modulo the width."""
    return _bind("sub", a, b, out, activation, threads)


def bind_mul(
    a: npt.NDArray,
    b: npt.NDArray,
    out: npt.NDArray,
    *,
    activation: str = "none",
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` ``a * b``: one rounding, or modulo the width."""
    return _bind("mul", a, b, out, activation, threads)


def bind_div(
    a: npt.NDArray,
    b: npt.NDArray,
    out: npt.NDArray,
    *,
    activation: str = "none",
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` ``a / b``; integers truncate, and n / 0 is 0 (R29)."""
    numbers = BOUNDS[activation]
    return bind_elementwise("div", (a, b), out, numbers=numbers, threads=threads)


def bind_maximum(
    a: npt.NDArray, b: npt.NDArray, out: npt.NDArray, *, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the larger of both, by R3; or of integers."""
    return bind_elementwise("maximum", (a, b), out, threads=threads)


def bind_minimum(
    a: npt.NDArray, b: npt.NDArray, out: npt.NDArray, *, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the smaller of both, by R3; or of integers."""
    return bind_elementwise("minimum", (a, b), out, threads=threads)


def bind_squared_difference(
    a: Float, b: Float, out: Float, *, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` the square of ``a - b``, which is rounded first."""
    return bind_elementwise("squared_difference", (a, b), out, threads=threads)


def bind_prelu(
    x: Float, alpha: Float, out: Float, *, threads: int
) -> list[launch.Call]:
    """Calls that make ``out`` ``x``, times ``alpha`` where it is below 0 (R28)."""
    return bind_elementwise("prelu", (x, alpha), out, threads=threads)


def bind_pow(a: Float, b: Float, out: Float, *, threads: int) -> list[launch.Call]:
    """R34."""
    return bind_elementwise("pow", (a, b), out, threads=threads)


def _bind(operation, a, b, out, activation, threads):
    if out.size == 0:
        return []
    if out.dtype.name in INTEGERS:
        return bind_elementwise(operation, (a, b), out, threads=threads)
    (a, b), calls = written_out((a, b), out.shape, threads)
    extents, a_strides, b_strides, _ = joined(
        out.shape,
        broadcast_strides(a.shape, out.shape),
        broadcast_strides(b.shape, out.shape),
        contiguous_strides(out.shape),
    )
    tasks = task_count(out.size, GRAIN, threads)
    scratch = np.empty(tasks * _SCRATCH, np.uint8)
    words = (
        *map(address, (a, b, out, scratch)),
        int(operation == "mul"),
        real_bits(-1.0 if operation == "sub" else 1.0),
        *bounds_words(activation),
        *padded(extents, RANK, 1),
        *padded(a_strides, RANK, 0),
        *padded(b_strides, RANK, 0),
    )
    kernel = cache.kernel(_factory, isa.current().id, kind(out))
    return [*calls, launch.bind(kernel, words, tasks, a, b, out, scratch)]
