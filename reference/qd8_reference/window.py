"""Windows over an image: resolved padding (R17), output size, and taps.

A tap is one position of the kernel. Instead of a padded copy of the image, each tap
says which outputs it touches and which inputs these read; an output that a tap would
make read outside the image is simply not among them.
"""

from collections.abc import Iterator

from .arguments import is_integer
from .types import Geometry, Pair


def resolve_padding(
    padding: object, size: Pair, kernel: Pair, stride: Pair, dilation: Pair
) -> tuple[Pair, Pair]:
    """Return ((top, bottom), (left, right)) for "SAME", "VALID" or just those (R17).

    Raises
    ------
    ValueError
        If ``padding`` is none of these.
    """
    if isinstance(padding, str) and padding == "VALID":
        return (0, 0), (0, 0)
    if isinstance(padding, str) and padding == "SAME":
        vertical, horizontal = (
            _same(*axis) for axis in zip(size, kernel, stride, dilation, strict=True)
        )
        return vertical, horizontal
    message = (
        f"padding is {padding!r}; it must be 'SAME', 'VALID' or "
        "((top, bottom), (left, right)), integers of at least 0"
    )
    if not isinstance(padding, tuple | list) or len(padding) != 2:
        raise ValueError(message)
    for sides in padding:
        if not isinstance(sides, tuple | list) or len(sides) != 2:
            raise ValueError(message)
        if not all(is_integer(side) and side >= 0 for side in sides):
            raise ValueError(message)
    (top, bottom), (left, right) = padding
    return (int(top), int(bottom)), (int(left), int(right))


def output_size(
    size: Pair, kernel: Pair, stride: Pair, dilation: Pair, padding: tuple[Pair, Pair]
) -> Pair:
    """Return (OH, OW).

    Raises
    ------
    ValueError
        If the kernel does not fit into the padded image even once.
    """
    extents = []
    for n, k, s, d, (before, after) in zip(
        size, kernel, stride, dilation, padding, strict=True
    ):
        reach = (k - 1) * d + 1
        if n + before + after < reach:
            raise ValueError(
                f"an image of {size} padded by {padding} is smaller than "
                f"a window of {kernel} with dilation {dilation}"
            )
        extents.append((n + before + after - reach) // s + 1)
    return extents[0], extents[1]


def taps_2d(
    geometry: Geometry, padding: tuple[Pair, Pair]
) -> Iterator[tuple[Pair, tuple[slice, slice], tuple[slice, slice]]]:
    """Yield ((ky, kx), outputs, inputs), ky then kx ascending.

    The slices are over the vertical and the horizontal axis.
    """
    size, kernel, stride, dilation = geometry
    output = output_size(*geometry, padding)
    rows, columns = (
        [*taps(size[i], kernel[i], stride[i], dilation[i], padding[i][0], output[i])]
        for i in (0, 1)
    )
    for ky, out_y, in_y in rows:
        for kx, out_x, in_x in columns:
            yield (ky, kx), (out_y, out_x), (in_y, in_x)


def taps(
    size: int, kernel: int, stride: int, dilation: int, before: int, output: int
) -> Iterator[tuple[int, slice, slice]]:
    """Yield (k, outputs, inputs) along one axis, k ascending.

    Output ``o`` reads input ``o * stride + k * dilation - before`` where that lies
    in the image; a tap that lies outside for every output is left out.
    """
    for k in range(kernel):
        offset = k * dilation - before
        first = max(0, -(offset // stride))  # ceil(-offset / stride)
        last = min(output - 1, (size - 1 - offset) // stride)
        if first <= last:
            inputs = slice(first * stride + offset, last * stride + offset + 1, stride)
            yield k, slice(first, last + 1), inputs


def _same(n: int, kernel: int, stride: int, dilation: int) -> Pair:
    """R17. The odd pixel of padding goes behind the image."""
    output = -(-n // stride)
    total = max((output - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2
