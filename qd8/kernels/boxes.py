"""Strided boxes of elements as integers: strides, broadcasting, and fewer axes.

Strides are in elements. An axis that several arrays walk through without a jump is
joined with its neighbour, so that inner loops are as long as the memory allows.
"""

from collections.abc import Sequence


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of a C-contiguous array."""
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.append(strides[-1] * extent)
    return tuple(reversed(strides))[: len(shape)] if shape else ()


def broadcast_strides(shape: Sequence[int], to: Sequence[int]) -> tuple[int, ...]:
    """Strides that walk a contiguous ``shape`` over ``to``, by NumPy's rules."""
    strides = contiguous_strides(shape)
    repeated = [0 if n == 1 else s for n, s in zip(shape, strides, strict=True)]
    return (0,) * (len(to) - len(shape)) + tuple(repeated)


def joined(
    shape: Sequence[int], *strides: Sequence[int]
) -> tuple[tuple[int, ...], ...]:
    """The same box with as few axes as possible, but at least one.

    Returns
    -------
    shape, strides of the first array, strides of the second, ...
    """
    axes: list[list[int]] = []  # extent, stride, stride, ...
    for extent, *steps in zip(shape, *strides, strict=True):
        if extent == 1:
            continue
        if axes and all(
            outer == extent * inner
            for outer, inner in zip(axes[-1][1:], steps, strict=True)
        ):
            axes[-1] = [axes[-1][0] * extent, *steps]
        else:
            axes.append([extent, *steps])
    if not axes:
        axes = [[1] * (1 + len(strides))]
    return tuple(zip(*axes, strict=True))


def padded(values: Sequence[int], rank: int, fill: int) -> tuple[int, ...]:
    """``values`` with leading ``fill`` up to ``rank``."""
    return (fill,) * (rank - len(values)) + tuple(values)
