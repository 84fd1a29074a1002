"""Where the windows of a convolution lie in an image."""

from typing import NamedTuple

import numpy as np

Padding = str | tuple[tuple[int, int], tuple[int, int]]


class Window(NamedTuple):
    """What an output reads: a kernel's extent and how it moves over an image.

    spread : how far apart the elements of x lie in that image (TransposeConv2D)
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Padding
    spread: tuple[int, int] = (1, 1)

    def met(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(N, H, W, C) of the images that windows meet, for ``x`` of ``shape``."""
        n, H, W, C = shape
        return n, (H - 1) * self.spread[0] + 1, (W - 1) * self.spread[1] + 1, C

    def extents(self, H: int, W: int) -> tuple[int, int, int, int]:
        """(OH, OW, top, left) of the output and the padding of an H x W image."""
        pads = []
        for axis, size in enumerate((H, W)):
            kernel, step = self.kernel[axis], self.stride[axis]
            spread = self.dilation[axis]
            if not isinstance(self.padding, str):
                before, after = self.padding[axis]
            elif self.padding == "SAME":
                before, after = same_padding(size, kernel, step, spread)
            else:
                before = after = 0
            room = size + before + after - (kernel - 1) * spread - 1
            if room < 0:
                raise ValueError(
                    f"x is {H} x {W} and the kernel {self.kernel[0]} x "
                    f"{self.kernel[1]} with dilation {self.dilation} and padding "
                    f"{self.padding!r}: no output is left"
                )
            pads.append((room // step + 1, before))
        return pads[0][0], pads[1][0], pads[0][1], pads[1][1]

    def reach(self, outputs: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of a padded image that so many outputs read."""
        y, x = (
            (size - 1) * step + (kernel - 1) * spread + 1
            for size, step, kernel, spread in zip(
                outputs, self.stride, self.kernel, self.dilation, strict=True
            )
        )
        return y, x

    def padded(self, H: int, W: int) -> tuple[int, int]:
        """Rows and columns of an H x W image with its padding.

        What lies beyond the last tap is never read.
        """
        OH, OW, top, left = self.extents(H, W)
        reach = self.reach((OH, OW))
        return max(reach[0], top + H), max(reach[1], left + W)

    def pitch(self, H: int, W: int) -> int:
        """Columns from row to row where rows share their padding.

        What is right of a row is left of the next: both are steps of 0.0.
        """
        _, _, _, left = self.extents(H, W)
        _, width = self.padded(H, W)
        return max(width - left, left + W)


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's SAME along one axis (R17): (before, after)."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def checked_padding(value: object) -> Padding:
    """Return "SAME", "VALID" or ((top, bottom), (left, right)), each 0 or more."""
    if isinstance(value, str):
        if value in ("SAME", "VALID"):
            return value
    elif isinstance(value, tuple | list) and len(value) == 2:
        pairs = tuple(tuple(p) if isinstance(p, tuple | list) else () for p in value)
        flat = [n for p in pairs for n in p]
        if all(len(p) == 2 for p in pairs) and all(
            isinstance(n, int | np.integer) and n >= 0 for n in flat
        ):
            top, bottom, left, right = (int(n) for n in flat)
            return (top, bottom), (left, right)
    raise ValueError(
        f"padding is {value!r}; it must be 'SAME', 'VALID' or "
        "((top, bottom), (left, right)) of ints of 0 or more"
    )
