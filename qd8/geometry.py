"""Where the windows of a convolution lie, and the memory its passes need."""

from dataclasses import dataclass

import numpy as np

from qd8.kernels import schedule

Padding = str | tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Geometry:
    """Where the outputs of one input size lie, and the memory they need."""

    images: int
    H: int
    W: int
    OH: int
    OW: int
    top: int
    left: int
    padded_H: int
    padded_W: int
    image_bytes: int  # of a quantized, padded image, with slack
    parts: int  # shares of an image whose ranges are found apart
    plan: schedule.Schedule

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
