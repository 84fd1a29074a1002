"""Where the windows of a convolution lie, and the memory its passes need."""

from typing import NamedTuple

import numpy as np

from qd8.kernels import igemm, implicit_gemm, schedule
from qd8.kernels.implicit_schedule import ImplicitSchedule
from qd8.kernels.winograd_schedule import WinogradSchedule
from qd8.records import record

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


@record(frozen=True)
class Geometry:
    """Where the outputs of one input size lie, and the memory they need."""

    images: int
    H: int
    W: int
    C: int
    OH: int
    OW: int
    top: int
    left: int
    padded_H: int
    padded_W: int  # from row to row; the last one is followed by ``left`` more
    width: int  # bytes of a quantized element
    parts: int  # shares of an image whose ranges are found apart
    plan: schedule.Schedule
    overshoot: int = 0  # bytes that the rows of a last tile may read beyond the image

    @property
    def image_bytes(self) -> int:
        """Bytes of a quantized, padded image, with slack; whole cache lines."""
        steps = self.padded_H * self.padded_W + self.left
        inside = self.width * steps * self.C
        return -(-(inside + igemm.SLACK + self.overshoot) // 64) * 64

    @property
    def scratch_bytes(self) -> int:
        """Bytes of scratch: images, partial ranges, parameters, the tasks' own."""
        return self.offsets[-1]

    @property
    def offsets(self) -> tuple[int, int, int, int, int]:
        """Where partial ranges, zero points, scales and task scratch begin; the end."""
        sizes = (
            self.images * self.image_bytes,
            self.images * self.parts * 12,
            self.images * 4,
            self.images * 4,
            self.plan.tasks * self.plan.scratch_bytes,
        )
        at = [0]
        for size in sizes:
            at.append(-(-(at[-1] + size) // 64) * 64)
        return at[1], at[2], at[3], at[4], at[5]


def geometry(
    shape: tuple[int, ...], window: Window, plan: schedule.Schedule, width: int,
    parts: int,
) -> Geometry:  # fmt: skip
    """The geometry of images of ``shape`` (N, H, W, C) under a schedule.

    Rows and columns beyond the last tap are never read: the padded image ends with
    the last window. Under Winograd's schedule tiles and blocks of taps are whole.
    """
    n, H, W, C = shape
    OH, OW, top, left = window.extents(H, W)
    reach = window.reach((OH, OW))
    if isinstance(plan, WinogradSchedule):
        reach = window._replace(kernel=plan.taps).reach(plan.outputs)
    padded = max(reach[0], top + H), max(reach[1], left + W)
    overshoot = 0
    if isinstance(plan, ImplicitSchedule):
        padded = padded[0], window.pitch(H, W)
        overshoot = implicit_gemm.REGISTER_ROWS * window.stride[1] * C
    at = n, H, W, C, OH, OW, top, left, *padded
    return Geometry(*at, width, parts, plan, overshoot)


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
