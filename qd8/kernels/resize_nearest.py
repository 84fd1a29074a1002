"""RESIZE_NEAREST_NEIGHBOR of (N, H, W, C) images of any dtype (R38).

Which pixel an output copies is computed once, when the call is bound.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, launch
from qd8.kernels.float_arguments import address, task_count
from qd8.kernels.float_resize import GRAIN, places_and_scale
from qd8.kernels.moves import copy_bytes
from qd8.kernels.scalars import word


def _nearest_factory(source):
    def resize_nearest_neighbor(task, tasks, args):
        source  # noqa: B018
        rows, columns = word(args, 2), word(args, 3)
        H, W, pixel, OH, OW = (
            word(args, 4), word(args, 5), word(args, 6), word(args, 7), word(args, 8)
        )  # fmt: skip
        total = word(args, 9)
        before = np.int64(0)  # the row of the input that was copied last
        for row in range(total * task // tasks, total * (task + 1) // tasks):
            from_ = word(args, 0) + (row // OH * H + word(rows, row % OH)) * W * pixel
            out = word(args, 1) + row * OW * pixel
            if from_ == before:
                copy_bytes(out, out - OW * pixel, OW * pixel)
            else:
                for ox in range(OW):
                    at = from_ + word(columns, ox) * pixel
                    copy_bytes(out + ox * pixel, at, pixel)
            before = from_

    return resize_nearest_neighbor


def bind_resize_nearest_neighbor(
    x: npt.NDArray,
    out: npt.NDArray,
    *,
    align_corners: bool,
    half_pixel_centers: bool,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C) of pixels of ``x`` (N, H, W, C)."""
    if out.size == 0:
        return []
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    rows, columns = (
        _nearest(n, outputs, align_corners, half_pixel_centers)
        for n, outputs in ((H, OH), (W, OW))
    )
    pixel = C * x.itemsize
    words = (*map(address, (x, out, rows, columns)), H, W, pixel, OH, OW, N * OH)
    tasks = task_count(out.size, GRAIN, min(threads, N * OH))
    return [
        launch.bind(cache.kernel(_nearest_factory), words, tasks, x, out, rows, columns)
    ]


def _nearest(n, outputs, align_corners, half_pixel_centers):
    """(outputs,) int64: the input that each copies."""
    places, scale = places_and_scale(n, outputs, align_corners)
    at = (places + np.float32(0.5 if half_pixel_centers else 0)) * scale
    if align_corners:
        at = np.floor(at + np.float32(0.5))
    return np.minimum(np.floor(at).astype(np.int64), n - 1)
