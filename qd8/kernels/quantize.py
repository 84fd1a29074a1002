"""Dynamic quantization of a row: range, parameters, values (R5 to R10, R16).

The pieces are functions of addresses, so that a kernel can quantize a row straight
into the layout its tile reads. Nothing here depends on flushing being on: what R2
flushes is decided by comparisons.
"""

import numpy as np

from qd8.kernels.jit import njit
from qd8.kernels.narrowing import store_saturated, store_words
from qd8.kernels.ranges import ZERO, range_of
from qd8.kernels.scalars import real_word, round_half_scalar, store_scalar, word
from qd8.kernels.vector import (
    F32,
    I8,
    I16,
    I32,
    U8,
    absolute,
    equal,
    greater,
    less,
    less_equal,
    lesser,
    load,
    load_first,
    max_int,
    min_int,
    product,
    select,
    splat,
    store,
    store_first,
    to_int,
)

ONE = np.float32(1)
SMALLEST_NORMAL = np.float32(2.0**-126)
LARGEST = np.float32(np.finfo(np.float32).max)
# Up to this multiplier a subnormal element times it stays below a quarter step and
# no product leaves [-256, 256], so the fast loop needs neither R2 nor R9's clamps.
FAST_MULTIPLIER = np.float32(2.0**124)
FLUSHED_RECIPROCAL = np.float32(2.0**126)  # 1/m is subnormal above it
STEPS = np.float32(255)


@njit
def flush(x):
    """R2 for an input."""
    return x if abs(x) >= SMALLEST_NORMAL else ZERO * x


@njit
def parameters(lo, hi, bad):
    """(multiplier, zero_point, scale) of R6 to R8; NaN, 0, NaN for R10's rows."""
    rmin, rmax = flush(lo), flush(hi)
    extent = rmax - rmin
    nan = np.float32(np.nan)
    if not (bad == ZERO and extent <= LARGEST):
        return nan, np.int32(0), nan
    multiplier = ONE if rmin == rmax else STEPS / extent
    dmin, dmax = rmin * multiplier, rmax * multiplier
    low, high = np.float32(-128), np.float32(127)
    z = low - dmin if (low + dmin) + (high + dmax) > ZERO else high - dmax
    # A NaN z (0 * inf) is -128: every comparison with it is false.
    z = z if z > low else low
    z = z if z < high else high
    scale = ZERO if multiplier > FLUSHED_RECIPROCAL else ONE / multiplier
    return multiplier, np.int32(np.rint(z)), scale


@njit
def store_parameters(TIER, least, greatest, multiplier, zero_point, scale):
    """``parameters`` of sixteen rows at once; all arguments are addresses.

    One of the range is NaN or infinite where an element of its row is.
    """
    lo, hi = load(TIER, F32, least), load(TIER, F32, greatest)
    zero, one, nan = splat(ZERO), splat(ONE), splat(np.float32(np.nan))
    smallest = splat(SMALLEST_NORMAL)
    rmin = select(TIER, less(TIER, absolute(TIER, lo), smallest), zero * lo, lo)
    rmax = select(TIER, less(TIER, absolute(TIER, hi), smallest), zero * hi, hi)
    extent = rmax - rmin
    finite = less_equal(TIER, extent, splat(LARGEST))
    m = select(TIER, equal(TIER, rmin, rmax), one, splat(STEPS) / extent)
    dmin, dmax = rmin * m, rmax * m
    low, high = splat(np.float32(-128)), splat(np.float32(127))
    further = less(TIER, zero, (low + dmin) + (high + dmax))
    z = select(TIER, further, low - dmin, high - dmax)
    z = select(TIER, less(TIER, low, z), z, low)
    z = select(TIER, less(TIER, z, high), z, high)
    flushed = less(TIER, splat(FLUSHED_RECIPROCAL), m)
    s = select(TIER, flushed, zero, one / m)
    store(TIER, F32, multiplier, select(TIER, finite, m, nan))
    store(TIER, F32, scale, select(TIER, finite, s, nan))
    z = select(TIER, finite, z, zero)
    store(TIER, I32, zero_point, to_int(TIER, z))


@njit
def half_multiplier(TIER, multiplier):
    """R16: the multiplier rounded to float16, guarded below."""
    rounded = round_half_scalar(TIER, multiplier)
    return rounded if not rounded < SMALLEST_NORMAL else SMALLEST_NORMAL


@njit
def steps(TIER, x, multiplier):
    """rint_even(x * multiplier) for rows of ordinary range.

    A subnormal x gives 0, as R2 and a product below half a step do.
    """
    return to_int(TIER, product(TIER, x, multiplier))


@njit
def quantized_exactly(TIER, x, multiplier, low, high):
    """For any range: flushes x, makes a NaN product 32767, and clamps (R9)."""
    x = select(TIER, less(TIER, absolute(TIER, x), splat(SMALLEST_NORMAL)),
               x * splat(ZERO), x)  # fmt: skip
    p = lesser(TIER, splat(np.float32(32767)), x * multiplier)
    p = greater(TIER, splat(np.float32(-32768)), p)
    q = to_int(TIER, p)
    return min_int(TIER, max_int(TIER, q, low), high)


@njit
def write_row(TIER, X, OUT, x, count, out, stride, total, multiplier, zero_point,
              offset):  # fmt: skip
    """Quantize ``count`` elements and store ``q + offset``, 16 every ``stride`` bytes.

    Elements from ``count`` to ``total`` (a multiple of 16, or ``count`` itself for a
    row without padding) are stored as ``zero_point + offset``, the step of 0.0.
    ``offset`` is 0 for int8 values, 128 for uint8, ``-zero_point`` for differences.
    """
    size = 4 if X == F32 else 2
    shift = zero_point + offset
    base = splat(np.int32(shift))
    low, high = splat(np.int32(-128 - zero_point)), splat(np.int32(127 - zero_point))
    m = splat(multiplier)
    full = count // 16
    if multiplier <= FAST_MULTIPLIER:
        if OUT in (I8, U8):
            # Constant bounds, behind the addition: a saturating store.
            first = splat(np.int32(-128 if OUT == I8 else 0))
            last = splat(np.int32(127 if OUT == I8 else 255))
            fours = full // 4 if stride == 16 else 0
            for i in range(fours):
                at = x + size * 64 * i
                store_saturated(
                    TIER, OUT, out + 64 * i, steps(TIER, load(TIER, X, at), m),
                    steps(TIER, load(TIER, X, at + size * 16), m),
                    steps(TIER, load(TIER, X, at + size * 32), m),
                    steps(TIER, load(TIER, X, at + size * 48), m), np.int32(shift),
                )  # fmt: skip
            for i in range(4 * fours, full):
                v = load(TIER, X, x + size * 16 * i)
                q = steps(TIER, v, m) + base
                q = min_int(TIER, max_int(TIER, q, first), last)
                store(TIER, OUT, out + stride * i, q)
        else:
            for i in range(full):
                v = load(TIER, X, x + size * 16 * i)
                store_words(TIER, out + stride * i, steps(TIER, v, m),
                            np.int32(-128 - zero_point), np.int32(127 - zero_point),
                            np.int32(shift))  # fmt: skip
    elif multiplier > FAST_MULTIPLIER:
        for i in range(full):
            v = load(TIER, X, x + size * 16 * i)
            q = quantized_exactly(TIER, v, m, low, high)
            store(TIER, OUT, out + stride * i, q + base)
    else:  # NaN: R10's rows are all zero_point 0, values 0
        for i in range(full):
            store(TIER, OUT, out + stride * i, base)
    left = count - 16 * full
    at = out + stride * full
    q = splat(np.int32(0))
    if left > 0 and multiplier > ZERO:
        v = load_first(TIER, X, x + size * 16 * full, left, ZERO)
        q = quantized_exactly(TIER, v, m, low, high)
    if total == count:
        if left > 0:
            store_first(TIER, OUT, at, q + base, left)
        return
    if left > 0:
        # Lanes beyond the row hold 0 * multiplier: 0, or NaN where it is infinite.
        store(TIER, OUT, at, base)
        store_first(TIER, OUT, at, q + base, left)
        full += 1
    for i in range(full, total // 16):
        store(TIER, OUT, out + stride * i, base)


# Kernels


def quantize_rows(source, TIER, X):
    """Rows of (rows, K) to int8 values, zero points and scales.

    Arguments: x, values, zero_point, scale, rows, K, half (R16: round the
    multiplier to float16).
    """

    def quantize_rows(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        x, values = word(arguments, 0), word(arguments, 1)
        zero_point, scale = word(arguments, 2), word(arguments, 3)
        rows, K = word(arguments, 4), word(arguments, 5)
        half = word(arguments, 6)
        size = 4 if X == F32 else 2
        for row in range(rows * task // tasks, rows * (task + 1) // tasks):
            at = x + size * K * row
            lo, hi, bad = range_of(TIER, X, at, K)
            m, z, s = parameters(lo, hi, bad)
            if half:
                m = half_multiplier(TIER, m)
            write_row(TIER, X, I8, at, K, values + K * row, 16, K, m, z, 0)
            store_scalar(zero_point + 4 * row, z)
            store_scalar(scale + 4 * row, s)

    return quantize_rows


def image_ranges(source, TIER, X):
    """Partial ranges of images: ``parts`` triples (lo, hi, probe) an image.

    Arguments: x, ranges, images, count (H*W*C), parts.
    """

    def image_ranges(task, tasks, arguments):
        source  # noqa: B018
        x, ranges = word(arguments, 0), word(arguments, 1)
        images, count, parts = (
            word(arguments, 2),
            word(arguments, 3),
            word(arguments, 4),
        )
        size = 4 if X == F32 else 2
        all_ = images * parts
        for item in range(all_ * task // tasks, all_ * (task + 1) // tasks):
            image, part = item // parts, item % parts
            # Parts are cut at multiples of 64, the unrolled loop's step.
            unit = (count + 63) // 64
            first = min(unit * part // parts * 64, count)
            last = min(unit * (part + 1) // parts * 64, count)
            at = x + size * (count * image + first)
            lo, hi, bad = range_of(TIER, X, at, last - first)
            store_scalar(ranges + 12 * item, lo)
            store_scalar(ranges + 12 * item + 4, hi)
            store_scalar(ranges + 12 * item + 8, bad)

    return image_ranges


@njit
def image_parameters(ranges, parts):
    """Parameters of one image from its partial ranges (min and max are exact)."""
    lo = hi = bad = ZERO
    for part in range(parts):
        at = ranges + 12 * part
        lo, hi = min(lo, real_word(at, 0)), max(hi, real_word(at + 4, 0))
        bad = bad + real_word(at + 8, 0)
    return parameters(lo, hi, bad)


def quantize_images(source, TIER, X, OUT):
    """Images to quantized, physically padded images, after ``image_ranges``.

    Arguments: x, ranges, parts, images, H, W, C, top, left, padded H, padded W, out,
    bytes of an image in out, zero_point, scale, half, down, across. Of H and W, every
    ``down``-th row and every ``across``-th column is one of ``x``; between them there
    is padding. Padding is the image's own step of 0.0, so a padded tap contributes
    nothing. Padded W is from row to row: a window may reach beyond it into what is
    left of the next row, and ``left`` more steps end the image. U8 stores q + 128, I16
    stores q - zero_point, I8 stores q.
    """

    def quantize_images(task, tasks, arguments):
        source  # noqa: B018
        x, ranges, parts = word(arguments, 0), word(arguments, 1), word(arguments, 2)
        images, H, W, C = (
            word(arguments, 3),
            word(arguments, 4),
            word(arguments, 5),
            word(arguments, 6),
        )
        top, left = word(arguments, 7), word(arguments, 8)
        PH, PW = word(arguments, 9), word(arguments, 10)
        out, image_bytes = word(arguments, 11), word(arguments, 12)
        zero_point, scale = word(arguments, 13), word(arguments, 14)
        half = word(arguments, 15)
        down, across = word(arguments, 16), word(arguments, 17)
        size = 4 if X == F32 else 2
        width = 2 if OUT == I16 else 1
        # Of a row of x: pieces that are written together, and their elements.
        x_rows, pieces, count = (H - 1) // down + 1, (W - 1) // across + 1, C
        if across == 1:
            pieces, count = 1, W * C
        rows = images * PH
        first, last = rows * task // tasks, rows * (task + 1) // tasks
        image = -1
        m, z, s, offset = ZERO, np.int32(0), ZERO, np.int32(0)
        for item in range(first, last):
            if item // PH != image:
                image = item // PH
                m, z, s = image_parameters(ranges + 12 * parts * image, parts)
                if half:
                    m = half_multiplier(TIER, m)
                offset = np.int32(0)
                if OUT == U8:
                    offset = np.int32(128)
                if OUT == I16:
                    offset = -z
            y = item % PH
            if y == 0:
                store_scalar(zero_point + 4 * image, z)
                store_scalar(scale + 4 * image, s)
            at = out + image_bytes * image + width * PW * C * y
            ending = left * C if y == PH - 1 else 0
            if y < top or y >= top + H or (y - top) % down:
                _fill(TIER, OUT, at, width, PW * C + ending, z + offset)
            else:
                _fill(TIER, OUT, at, width, left * C, z + offset)
                row = image * x_rows + (y - top) // down
                source_row = x + size * pieces * count * row
                inside = at + width * left * C
                for i in range(pieces):
                    to = inside + width * across * count * i
                    write_row(TIER, X, OUT, source_row + size * count * i, count, to,
                              16 * width, count, m, z, offset)  # fmt: skip
                    if i + 1 < pieces:
                        _fill(TIER, OUT, to + width * count, width,
                              (across - 1) * count, z + offset)  # fmt: skip
                right = inside + width * W * C
                more = (PW - W - left) * C + ending
                _fill(TIER, OUT, right, width, more, z + offset)

    return quantize_images


@njit
def _fill(TIER, OUT, at, width, count, value):
    v = splat(np.int32(value))
    i = 0
    while i + 16 <= count:
        store(TIER, OUT, at + width * i, v)
        i += 16
    if i < count:
        store_first(TIER, OUT, at + width * i, v, count - i)
