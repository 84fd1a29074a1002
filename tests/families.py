"""Families of inputs, each planted so that one plausible mistake shows.

Ordinary random data lets three mistakes through at 100 % (litert-bits §3: a float64
expression cast once, zero points always from the minimum, one pixel per image), so
every family builds the numbers at which a wrong rule gives another bit.
Two kinds: ROWS gives activations of R rows of L elements; EPILOGUES gives activations,
weights, scales and bias together, with an accumulator that is known beforehand.
"""

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32] | npt.NDArray[np.float16]
Generator = np.random.Generator

FLT_MIN = 2.0**-126


def gaussian(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Normal rows, each of a magnitude of its own: a wrong row shows at once."""
    reach = 3.0 if dtype == np.float32 else 1.5
    magnitude = 10.0 ** rng.uniform(-reach, reach, (R, 1))
    return (rng.standard_normal((R, L)) * magnitude).astype(dtype)


def value_tie(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows whose ``x * multiplier`` is exactly an integer plus one half (R9)."""
    x = np.empty((R, L), dtype)
    for row in x:
        negative = rng.integers(0, 256)
        steps = rng.integers(-negative, 256 - negative, L) + 0.5
        steps = np.clip(steps, -negative, 255 - negative)
        if rng.random() < 0.5 or dtype == np.float16:
            unit = row.dtype.type(2.0 ** rng.integers(-8, 4))
            row[:] = steps * unit
            _plant(rng, row, -negative * unit, (255 - negative) * unit)
        else:
            low, high = _range(rng, negative)
            multiplier = np.float32(255) / (high - low)
            row[:] = _quotients_that_tie(steps, multiplier)
            _plant(rng, row, low, high)
    return x


def zero_point_tie(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows whose zero point is exactly halfway between two steps (R7)."""
    x = gaussian(rng, R, L, dtype)
    for row in x:
        unit = 2.0 ** rng.integers(-8, 4)
        below = rng.integers(0, 255) + 0.5
        row[:] = rng.uniform(-below, 255 - below, L) * unit
        _plant(rng, row, -below * unit, (255 - below) * unit)
    return x


def zero_point_branch(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows whose minimum and whose maximum imply different zero points (R7).

    With a minimum of -(2a + 1)u and a maximum of (509 - 2a)u the exact zero point
    is a tie; rounding the multiplier 1/(2u) moves the two candidates apart.
    """
    bits = 24 if dtype == np.float32 else 11
    a = rng.integers(0, 255, 4096)
    u = rng.integers(3, 8 if bits == 11 else 1 << 14, 4096) | 1
    low, high = -(2 * a + 1) * u, (509 - 2 * a) * u
    exact = np.maximum(-low, high) <= 1 << bits
    low, high = low.astype(np.float32), high.astype(np.float32)
    multiplier = np.float32(255) / (high - low)
    from_min = np.rint(np.float32(-128) - low * multiplier)
    from_max = np.rint(np.float32(127) - high * multiplier)
    found = np.flatnonzero(exact & (from_min != from_max))
    x = np.empty((R, L), dtype)
    for row, i in zip(x, rng.choice(found, R), strict=True):
        unit = 2.0 ** rng.integers(-18, -6)
        row[:] = rng.uniform(low[i], high[i], L) * unit
        _plant(rng, row, low[i] * unit, high[i] * unit)
    return x


def subnormal(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows with elements that R2 counts as zero but that would round to a step.

    In float16, where subnormals are kept (R4), rows made of nothing else.
    """
    if dtype == np.float16:
        steps = rng.integers(-1023, 1024, (R, L))
        return (steps * 2.0**-24).astype(np.float16)
    # Scales are normal from a range of 3.0e-36 on, and 2^-126 is more than half a
    # step up to one of 6.0e-36.
    width = rng.uniform(3.1e-36, 5.8e-36, (R, 1))
    below = rng.choice([0.0, 1.0, 0.3], (R, 1))
    x = rng.uniform(-below, 1 - below, (R, L)) * width
    tiny = rng.uniform(0.4, 1.0, (R, L)) * FLT_MIN * rng.choice([-1, 1], (R, L))
    x = np.where(rng.random((R, L)) < 0.6, tiny, x).astype(np.float32)
    for row, low, all_of_it in zip(x, below[:, 0], width[:, 0], strict=True):
        _plant(rng, row, -low * all_of_it, (1 - low) * all_of_it)
    if rng.random() < 0.2:
        x[rng.integers(R)] = (tiny[0] * 0.99).astype(np.float32)
    return x


def flushed_range(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows of a range at which the multiplier is inf or the scale flushes (R6, R8)."""
    high = 10.0 ** rng.uniform(-38.5, -35.3, (R, 1))
    x = (rng.uniform(-1.0, 1.0, (R, L)) * high).astype(dtype)
    x[rng.random((R, L)) < 0.1] = 0.0
    one_sided = rng.random((R, 1)) < 0.4
    return np.where(one_sided, np.abs(x), x)


def small_range(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows on both sides of the range 255/65520, where R16's multiplier is inf."""
    width = 255 / 65520 * rng.uniform(0.3, 1.7, (R, 1))
    low = rng.uniform(-1.0, 0.0, (R, 1))
    return (rng.uniform(low, low + 1.0, (R, L)) * width).astype(dtype)


def constant(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows of one value; its negative or positive side is empty."""
    value = rng.standard_normal((R, 1)) * 10.0 ** rng.uniform(-3, 3, (R, 1))
    return np.repeat(value, L, axis=1).astype(dtype)


def one_sided(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows of one sign, far from zero or touching it: zero belongs to every range."""
    x = np.abs(rng.standard_normal((R, L))) + rng.choice([0.0, 5.0], (R, 1))
    return (x * rng.choice([-1.0, 1.0], (R, 1))).astype(dtype)


def two_valued(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows of -v and v alone, the ends of the range: the largest sums there are."""
    magnitude = 10.0 ** rng.uniform(-2, 2, (R, 1))
    x = rng.choice([-1.0, 1.0], (R, L))
    x[rng.random(R) < 0.3] = 1.0 - 2.0 * (np.arange(L) % 2)
    return (x * magnitude).astype(dtype)


def zero(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows of zeros of both signs beside ordinary rows."""
    x = gaussian(rng, R, L, dtype)
    empty = rng.random(R) < 0.7
    empty[rng.integers(R)] = True
    x[empty] = rng.choice([0.0, -0.0], (int(empty.sum()), L)).astype(dtype)
    return x


def huge(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows whose range is just below the largest finite number."""
    largest = float(np.finfo(dtype).max)
    # float16 ranges are taken in float32: they cannot overflow (R15).
    width = largest if dtype == np.float32 else 2 * largest
    low = np.full((R, 1), -0.5) if dtype == np.float16 else -rng.random((R, 1))
    x = rng.uniform(low, low + 1.0, (R, L)) * width
    for row, bottom in zip(x, low[:, 0], strict=True):
        _plant(rng, row, bottom * width, (bottom + 1.0) * width * (1 - 1e-6))
    return np.clip(x, -largest, largest).astype(dtype)


def non_finite(rng: Generator, R: int, L: int, dtype: npt.DTypeLike) -> Rows:
    """Rows holding NaN or infinity, or too wide, beside finite ones (R10)."""
    x = gaussian(rng, R, L, dtype)
    for row in x:
        kind = rng.integers(5)
        if kind < 3:
            spots = rng.integers(0, L, 1 + rng.integers(3))
            row[spots] = [np.nan, np.inf, -np.inf][kind]
        elif kind == 3 and L > 1 and dtype == np.float32:
            _plant(rng, row, -2.5e38, 2.5e38)
    x[rng.integers(R), rng.integers(L)] = rng.choice([np.nan, np.inf, -np.inf])
    return x


RowFamily = Callable[[Generator, int, int, npt.DTypeLike], Rows]
ROWS: dict[str, RowFamily] = {
    family.__name__: family
    for family in (
        gaussian,
        value_tie,
        zero_point_tie,
        zero_point_branch,
        subnormal,
        flushed_range,
        small_range,
        constant,
        one_sided,
        two_valued,
        zero,
        huge,
        non_finite,
    )
}


Epilogue = tuple[Rows, npt.NDArray[np.int8], npt.NDArray, npt.NDArray | None]


def fma_tie(rng: Generator, M: int, N: int, K: int, dtype: npt.DTypeLike) -> Epilogue:
    """Outputs that a float64 sum puts on a float32 tie and then rounds wrongly (R14).

    ``acc * weight_scale`` is half a unit of the bias' last place times 1 + d/2^n,
    with |d| < 2^(n - 29): float64 loses d, and the parity of the bias makes the
    tie go the other way than the exact value does.
    """
    table = _near_powers()
    n, d, m, mw = table[:, rng.integers(0, table.shape[1], N)]
    e, q = rng.integers(-12, 4), rng.integers(-40, 8, N)
    B = rng.integers((1 << 23) + 2, (1 << 24) - 2, N)
    B += (d < 0) != (B & 1)
    bias = B * 2.0**q * rng.choice([-1.0, 1.0], N)
    weight_scale = mw * 2.0 ** (q - 1 - n - e)
    x, weight = _known_accumulator(rng, M, K, m * rng.choice([-1, 1], N), e, dtype)
    return x, weight, weight_scale.astype(np.float32), bias.astype(np.float32)


def flushed_result(
    rng: Generator, M: int, N: int, K: int, dtype: npt.DTypeLike
) -> Epilogue:
    """Results on both sides of the flushing threshold 2^-126 - 2^-151 (R2)."""
    e = rng.integers(-40, -30)
    acc = rng.integers(1, 32000, N) * rng.choice([-1, 1], N)
    x, weight = _known_accumulator(rng, M, K, acc, e, dtype)
    target = FLT_MIN * (1 - 2.0**-25 * rng.integers(-6, 7, N))
    kind = rng.integers(0, 4, N)
    normal = FLT_MIN * (1 + rng.integers(0, 1 << 23, N) * 2.0**-23)
    bias = np.select(
        [kind == 0, kind == 1, kind == 2],
        [-0.0, -normal, normal * 0.3],  # none, cancelling, subnormal
        normal,
    )
    product = np.where(kind == 1, target + normal, target)
    product = np.where(kind == 3, normal + target, product)
    weight_scale = (product / (np.abs(acc) * 2.0**e)).astype(np.float32)
    steps = rng.integers(-3, 4, N)
    weight_scale = (weight_scale.view(np.int32) + steps).astype(np.int32)
    weight_scale = np.maximum(weight_scale.view(np.float32), np.float32(FLT_MIN))
    bias = bias * np.sign(acc) * np.where(kind == 3, -1.0, 1.0)
    return x, weight, weight_scale, bias.astype(np.float32)


def half_tie(rng: Generator, M: int, N: int, K: int, dtype: npt.DTypeLike) -> Epilogue:
    """Outputs on float16 ties, at 65520 and among float16 subnormals (R15, R4)."""
    e = rng.integers(-10, 4)
    acc = rng.integers(2048, 4096, N) | 1
    g = rng.integers(-24, 4, N)
    high, low = rng.random(N) < 0.2, rng.random(N) < 0.2
    acc, g = np.where(high, 4095, acc), np.where(high, 4, g)
    acc, g = np.where(low, acc % 256 | 1, acc), np.where(low, -25, g)
    acc = acc * rng.choice([-1, 1], N)
    x, weight = _known_accumulator(rng, M, K, acc, e, dtype)
    # Nothing, less than float32 can hold (R15 rounds to float32 first), or one unit.
    size = rng.choice([0.0, 2.0**-26, 2.0**-23], N) * np.abs(acc) * 2.0**g
    bias = size * rng.choice([-1.0, 1.0], N)
    weight_scale = np.float32(2.0) ** (g - e)
    return x, weight, weight_scale.astype(np.float32), bias.astype(np.float32)


EPILOGUES = {family.__name__: family for family in (fma_tie, flushed_result, half_tie)}


@functools.cache
def _near_powers() -> npt.NDArray[np.int64]:
    """All (n, d, m, mw) with m * mw = 2^n + d, tiny d, m an accumulator, mw 24 bits."""
    columns = []
    m = np.arange(3, 32385, 2, dtype=np.int64)
    for n in range(30, 39):
        for d in (-(1 << n) % m, -(1 << n) % m - m):
            mw = ((1 << n) + d) // m
            good = (d != 0) & (np.abs(d) < 1 << (n - 29)) & (mw < 1 << 24)
            columns.append(np.stack([np.full(m.shape, n), d, m, mw])[:, good])
    return np.concatenate(columns, axis=1)


def _known_accumulator(
    rng: Generator, M: int, K: int, acc: npt.NDArray, e: int, dtype: npt.DTypeLike
) -> tuple[Rows, npt.NDArray[np.int8]]:
    """Return rows of scale 2^e and weights that make the accumulators ±acc.

    A row holds 255 steps, one step and zeros, all positive or all negative, so its
    multiplier is exactly 2^-e; acc = 255 * w0 + w1 needs ``K`` of 2 and more.
    """
    N = acc.size
    if K < 2 or np.abs(acc).max() > 255 * 127:
        raise ValueError(f"cannot plant accumulators up to {acc.max()} with K = {K}")
    first, second = rng.permutation(K)[:2]
    w0 = np.rint(acc / 255).astype(np.int64)
    weight = rng.integers(-127, 128, (N, K))
    weight[:, first], weight[:, second] = w0, acc - 255 * w0
    x = np.zeros((M, K))
    x[:, first], x[:, second] = 255 * 2.0**e, 2.0**e
    x *= rng.choice([-1.0, 1.0], (M, 1))
    return x.astype(dtype), weight.astype(np.int8)


def _range(rng: Generator, negative: int) -> tuple[np.float32, np.float32]:
    """Draw an arbitrary range with about ``negative`` of its 255 steps below zero."""
    width = 10.0 ** rng.uniform(-3, 3)
    return (
        np.float32(-width * negative / 255),
        np.float32(width * (255 - negative) / 255),
    )


def _quotients_that_tie(
    steps: npt.NDArray, multiplier: np.float32
) -> npt.NDArray[np.float32]:
    """Return x with fl(x * multiplier) = steps wherever there is one nearby."""
    near = (steps / np.float64(multiplier)).astype(np.float32)
    best = near
    for _ in range(2):
        for direction in (-np.inf, np.inf):
            moved = np.nextafter(best, np.float32(direction))
            best = np.where(
                (best * multiplier != steps) & (moved * multiplier == steps),
                moved,
                best,
            )
    return best


def _plant(rng: Generator, row: npt.NDArray, low: float, high: float) -> None:
    """Write the ends of a range at random places (of one element, the larger end)."""
    if row.size == 1:
        row[0] = high if high > -low else low
        return
    places = rng.permutation(row.size)[:2]
    row[places] = [low, high]
