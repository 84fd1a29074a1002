"""What Winograd's scratch holds: numbers that its kernel and its schedule share."""

CHUNK = 16  # input channels transformed at a time
PLACE = 32  # bytes of a tile's place: window, output, rows, pixels, scale
SPARE = 64  # bytes that the output transform may write for itself


def odd_lines(size: int) -> int:
    """``size`` bytes in an odd number of cache lines.

    So up to 64 positions this far apart are in different cache sets.
    """
    return ((size + 63) // 64 | 1) * 64
