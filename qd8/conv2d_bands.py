"""A convolution that quantizes whole images, some rows of its output at a time."""

from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.conv2d import Conv2D
from qd8.kernels import launch
from qd8.kernels.chain import NO_TAIL, Tail
from qd8.workspace import address, gap


class RowsOfConv2D:
    """One image, quantized once, and then any rows of outputs.

    prepared : calls that find the range of the image and quantize it

    Parameters
    ----------
    layer : quantizes images, not pixels
    x : (1, H, W, C), C-contiguous
    room : scratch of ``layer.scratch_bytes(x, threads)``; what is quantized stays there
    """

    def __init__(
        self,
        layer: Conv2D,
        x: npt.NDArray[Any],
        threads: int,
        room: npt.NDArray[np.uint8],
    ) -> None:
        self._layer, self._x, self._room = layer, x, room
        self._whole = layer.whole(x, threads)
        bases = (address(x), 0, 0, address(room), *NO_TAIL, 0)
        program = launch.Program(self._whole.quantization, self._whole.g.scratch_bytes)
        self.prepared = program.calls(bases, x, room)

    def bind(
        self, first: int, out: npt.NDArray[Any], tail: Tail | None, share: int
    ) -> list[launch.Call]:
        """Calls that make ``out`` (1, rows, OW, O), outputs from row ``first`` on.

        share : number of the thread, below those of the plan
        """
        step = self._whole.multiplication(first, out.shape[1], share)
        program = launch.Program([step], self._whole.g.scratch_bytes)
        more = NO_TAIL if tail is None else tail.words
        bases = (address(self._x), address(out), 0, address(self._room), *more)
        keep = (self._x, out, self._room, self._layer.packed, tail)
        return program.calls((*bases, gap(out)), *keep)
