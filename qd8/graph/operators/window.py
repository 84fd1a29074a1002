"""The size of what a window leaves of an image."""

from typing import TypeAlias

from .operator import Options

Pair: TypeAlias = tuple[int, int]


def window_size(
    size: Pair, window: Pair, stride: Pair, padding: str, dilation: Pair = (1, 1)
) -> Pair:
    """Return (OH, OW) for padding "SAME" or "VALID" (R17).

    Raises
    ------
    ValueError
        If a VALID window does not fit once.
    """
    if padding == "SAME":
        return -(-size[0] // stride[0]), -(-size[1] // stride[1])
    reach = tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))
    if reach[0] > size[0] or reach[1] > size[1]:
        raise ValueError(
            f"a VALID window that spans {reach[0]}x{reach[1]} does not fit into "
            f"{size[0]}x{size[1]}"
        )
    return (
        (size[0] - reach[0]) // stride[0] + 1,
        (size[1] - reach[1]) // stride[1] + 1,
    )


def resolved(
    options: Options, size: Pair, window: Pair, dilation: Pair = (1, 1)
) -> Options:
    """Return the options with padding as ((top, bottom), (left, right)) (R17)."""
    if not isinstance(options["padding"], str):
        return options
    sides = [(0, 0), (0, 0)]
    if options["padding"] == "SAME":
        for axis in (0, 1):
            n, stride = size[axis], options["stride"][axis]
            reach = (window[axis] - 1) * dilation[axis] + 1
            total = max((-(-n // stride) - 1) * stride + reach - n, 0)
            sides[axis] = (total // 2, total - total // 2)
    return {**options, "padding": tuple(sides)}


def image(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return (N, H, W, C), or raise ValueError for another rank."""
    if len(shape) != 4:
        raise ValueError(f"its input is {shape}; (N, H, W, C) is needed")
    n, h, w, c = shape
    return n, h, w, c
