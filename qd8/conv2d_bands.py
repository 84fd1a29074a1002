"""A convolution that quantizes whole images, some rows of its output at a time."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.conv2d_images import ImageConvolution
from qd8.conv2d_steps import Convolution
from qd8.kernels import launch
from qd8.kernels.tail import NO_TAIL, Tail
from qd8.kernels.winograd_schedule import WinogradSchedule
from qd8.workspace import address, gap


def in_shares(
    images: ImageConvolution, x: npt.NDArray[Any], threads: int
) -> Convolution:
    """An image quantized by so many tasks, its outputs made by tasks of one each.

    The plan is that of one thread: blocks of rows are as high as a task's scratch, and
    how many rows a task will be given is not known. Nor is where tiles of Winograd end:
    below the image there are rows for any, because what a tile reads must be in range
    even where it makes no output.
    """
    whole = images.whole(x, 1)
    plan = replace(whole.g.plan, grid_rows=threads, grid_columns=1)
    parts = images.whole(x, threads).g.parts if threads > 1 else whole.g.parts
    height = whole.g.padded_H
    if isinstance(plan, WinogradSchedule):
        height += whole.window.stride[0] * (plan.outputs[0] // plan.tiles[0] - 1)
    g = replace(whole.g, plan=plan, parts=parts, padded_H=height)
    return whole._replace(g=g)


class RowsOfImage:
    """One image, quantized once, and then any rows of outputs.

    prepared : calls that find the range of the image and quantize it

    Parameters
    ----------
    images : the convolution
    whole : of :func:`in_shares`
    x : (1, H, W, C), C-contiguous
    room : ``whole.g.scratch_bytes`` of scratch; what is quantized stays there
    """

    def __init__(
        self,
        images: ImageConvolution,
        whole: Convolution,
        x: npt.NDArray[Any],
        room: npt.NDArray[np.uint8],
    ) -> None:
        self._images, self._whole, self._x, self._room = images, whole, x, room
        bases = (address(x), 0, 0, address(room), *NO_TAIL, 0)
        program = launch.Program(self._whole.quantization, self._whole.g.scratch_bytes)
        self.prepared = program.calls(bases, x, room)

    def bind(
        self, first: int, out: npt.NDArray[Any], tail: Tail | None, share: int
    ) -> list[launch.Call]:
        """Calls that make ``out`` (1, rows, OW, O), outputs from row ``first`` on.

        share : number of the task
        """
        step = self._whole.multiplication(first, out.shape[1], share)
        program = launch.Program([step], self._whole.g.scratch_bytes)
        more = NO_TAIL if tail is None else tail.words
        bases = (address(self._x), address(out), 0, address(self._room), *more)
        keep = (self._x, out, self._room, self._images.packed, tail)
        return program.calls((*bases, gap(out)), *keep)
