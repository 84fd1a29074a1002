"""int8 weights into panels and back: the layout of pack.py, a panel at a time."""

import numpy as np

from qd8.kernels.byte_sums import sum_bytes
from qd8.kernels.jit import njit
from qd8.kernels.moves import SIDE, copy_items, transpose_tile
from qd8.kernels.scalars import load_byte, load_int, store_byte, store_scalar, word

MAGNITUDE = 0x7FFFFFFF
SMALLEST_NORMAL = 0x00800000  # the bits of 2^-126


@njit
def channel_word(values, channel):
    """The 32 bits of a channel; 0 without values."""
    return load_int(values + 4 * channel) if values else np.int32(0)


@njit
def transpose(to, rows, channels, K, NR, KR):
    """Put whole tiles of 8 channels by 8 times KR weights into a panel.

    Returns how many channels and weights of each they held.
    """
    width = KR * SIDE
    channels, length = channels // SIDE * SIDE, K // width * width
    for k in range(0, length, width):
        for n in range(0, channels, SIDE):
            transpose_tile(to + NR * k + KR * n, rows + K * n + k, NR * KR, K, KR)
    return channels, length


def pack_panels(source, NR, KR, KB):
    """Fill panels: ksum, weights, scales, biases (flushed, R14).

    Arguments: weight (groups * N, K) int8; scales and biases, (groups * N) float32 or
    0; panels; groups; N; K; panels of a group; blocks of K; bytes of a panel.
    """

    def pack_panels(task, tasks, args):
        source  # noqa: B018
        N, K, count = word(args, 5), word(args, 6), word(args, 7)
        length, size = KB * word(args, 8), word(args, 9)
        total = word(args, 4) * count
        for p in range(total * task // tasks, total * (task + 1) // tasks):
            panel = word(args, 3) + size * p
            first = NR * (p % count)
            scales = panel + 4 * NR + NR * length
            rows = word(args, 0) + K * (N * (p // count) + first)
            whole, done = transpose(panel + 4 * NR, rows, min(N - first, NR), K, NR, KR)
            for n in range(NR):
                inside = first + n < N
                channel = N * (p // count) + first + n
                kept = K if inside else 0
                row, to = word(args, 0) + K * channel, panel + 4 * NR + KR * n
                begin = done if n < whole else 0
                items = kept // KR - begin // KR
                copy_items(to + NR * begin, row + begin, items, NR * KR, KR, KR)
                for k in range(kept // KR * KR, length):
                    value = load_byte(row + k) if k < kept else 0
                    store_byte(to + k // KR * (NR * KR) + k % KR, value)
                store_scalar(panel + 4 * n, np.int32(-sum_bytes(row, kept)))
                scale = channel_word(word(args, 1), channel) if inside else np.int32(0)
                bias = channel_word(word(args, 2), channel) if inside else np.int32(0)
                if bias & MAGNITUDE < SMALLEST_NORMAL:
                    bias = np.int32(bias & ~MAGNITUDE)
                store_scalar(scales + 4 * n, scale)
                store_scalar(scales + 4 * (NR + n), np.int32(bias))

    return pack_panels


def unpack_panels(source, NR, KR, KB):
    """Write the (groups * N, K) int8 weights that panels hold.

    Arguments: weight; panels; groups; N; K; panels of a group; bytes of a panel.
    """

    def unpack_panels(task, tasks, args):
        source  # noqa: B018
        N, K = word(args, 3), word(args, 4)
        total = word(args, 2) * N
        for channel in range(total * task // tasks, total * (task + 1) // tasks):
            group, n = channel // N, channel % N
            panel = word(args, 1) + word(args, 6) * (word(args, 5) * group + n // NR)
            x, row = panel + 4 * NR + KR * (n % NR), word(args, 0) + K * channel
            copy_items(row, x, K // KR, KR, NR * KR, KR)
            for k in range(K // KR * KR, K):
                store_byte(row + k, load_byte(x + k // KR * (NR * KR) + k % KR))

    return unpack_panels
