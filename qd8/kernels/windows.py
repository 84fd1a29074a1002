"""Windows over an image as integers: which taps an output has, and where they lie.

Along one axis, neighbouring outputs that have the same taps inside the image form a
:class:`Span`. The outputs of an image are then a few rectangles, span by span: one
for the interior, and one for each way of touching the border.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pair = tuple[int, int]
Sides = tuple[Pair, Pair]  # ((top, bottom), (left, right))


class Span(NamedTuple):
    """Outputs ``first`` to ``last - 1`` have exactly the taps ``low`` to ``high - 1``.

    ``low == high`` where the window lies in the padding altogether.
    """

    first: int
    last: int
    low: int
    high: int

    @property
    def outputs(self) -> int:
        return self.last - self.first


@lru_cache(1024)  # bands of rows share those along x
def spans(
    size: int, kernel: int, stride: int, dilation: int, before: int, outputs: int
) -> tuple[Span, ...]:
    """The spans of one axis, outputs ascending.

    Output o reads input ``o * stride + tap * dilation - before``.
    """
    found: list[Span] = []
    for o in range(outputs):
        origin = o * stride - before
        low = min(max(0, -(origin // dilation)), kernel)  # ceil(-origin / dilation)
        high = max(min(kernel, (size - 1 - origin) // dilation + 1), low)
        if found and found[-1][2:] == (low, high):
            found[-1] = found[-1]._replace(last=o + 1)
        else:
            found.append(Span(o, o + 1, low, high))
    return tuple(found)


def span_table(found: Sequence[Span]) -> npt.NDArray[np.int64]:
    """(spans, 4) int64: first, last, low, high."""
    return np.array(found, np.int64)


def tap_table(found: Sequence[Span]) -> npt.NDArray[np.int64]:
    """(outputs, 2) int64: low and high of each output."""
    table = np.array(found, np.int64)
    return np.repeat(table[:, 2:], table[:, 1] - table[:, 0], axis=0)
