"""What is asked of weights before they run: magnitudes, R12's int8, proven sums."""

import numpy as np

from qd8.kernels.byte_sums import sum_bytes, sum_positive_bytes
from qd8.kernels.scalars import (
    load_double,
    load_int,
    load_real,
    store_byte,
    store_scalar,
    word,
)

MAGNITUDE = 0x7FFFFFFF


def largest_magnitudes(source):
    """The largest magnitude of each channel, as the bits of float32.

    Magnitudes are ordered as their bits are, and infinity and NaN come last.
    Arguments: weight (channels, count) float32; out (channels) int32; channels; count.
    """

    def largest_magnitudes(task, tasks, args):
        source  # noqa: B018
        channels, count = word(args, 2), word(args, 3)
        for c in range(channels * task // tasks, channels * (task + 1) // tasks):
            row, largest = word(args, 0) + 4 * count * c, np.int32(0)
            for i in range(count):
                bits = np.int32(load_int(row + 4 * i) & MAGNITUDE)
                largest = bits if bits > largest else largest
            store_scalar(word(args, 1) + 4 * c, largest)

    return largest_magnitudes


def quantize_weights(source):
    """R12: int8 by a float64 division, halves away from zero.

    Arguments: weight (channels, count) float32; steps (channels) float64; out int8;
    channels; count. |weight / step| is at most 127 and a little.
    """

    def quantize_weights(task, tasks, args):
        source  # noqa: B018
        channels, count = word(args, 3), word(args, 4)
        for c in range(channels * task // tasks, channels * (task + 1) // tasks):
            x, out = word(args, 0) + 4 * count * c, word(args, 2) + count * c
            step = load_double(word(args, 1) + 8 * c)
            for i in range(count):
                ratio = np.float64(load_real(x + 4 * i)) / step
                whole = np.int32(ratio)  # towards zero
                rest = ratio - whole
                value = whole + np.int32(rest >= 0.5) - np.int32(rest <= -0.5)
                store_byte(out + i, value)

    return quantize_weights


def chunk_sums(source, CHUNK):
    """Sums of positive and of -negative int8 weights over taps and chunks of channels.

    Arguments: weight (O, taps, I) int8; positive and negative, (O, chunks) int32;
    O; taps; I.
    """

    def chunk_sums(task, tasks, args):
        source  # noqa: B018
        channels, taps, inputs = word(args, 3), word(args, 4), word(args, 5)
        chunks = -(-inputs // CHUNK)
        for o in range(channels * task // tasks, channels * (task + 1) // tasks):
            row = word(args, 0) + taps * inputs * o
            for chunk in range(chunks):
                first = CHUNK * chunk
                count = min(CHUNK, inputs - first)
                up = total = np.int32(0)
                for tap in range(taps):
                    at = row + inputs * tap + first
                    up = np.int32(up + sum_positive_bytes(at, count))
                    total = np.int32(total + sum_bytes(at, count))
                at = 4 * (chunks * o + chunk)
                store_scalar(word(args, 1) + at, up)
                store_scalar(word(args, 2) + at, np.int32(up - total))

    return chunk_sums
