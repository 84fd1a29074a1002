"""Where the outputs of one input size lie, and the memory that making them needs."""

from qd8.kernels import schedule
from qd8.kernels.gemm_memory import REGISTER_ROWS, SLACK
from qd8.kernels.implicit_schedule import ImplicitSchedule
from qd8.kernels.winograd_schedule import WinogradSchedule
from qd8.records import record
from qd8.window import Window


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
        return -(-(inside + SLACK + self.overshoot) // 64) * 64

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
        overshoot = REGISTER_ROWS * window.stride[1] * C
    at = n, H, W, C, OH, OW, top, left, *padded
    return Geometry(*at, width, parts, plan, overshoot)
