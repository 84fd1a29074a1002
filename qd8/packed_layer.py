"""What layers with packed weights share: a program for each size of their input."""

import threading
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8 import settings
from qd8.kernels import launch, paths
from qd8.kernels.tail import NO_TAIL, Tail
from qd8.pack import PackedWeights
from qd8.workspace import address, aligned, gap, scratch

packing = threading.Lock()  # two threads may need the same weights at once
REMEMBERED = 64  # programs of a layer; with more input sizes it starts anew


class PackedLayer(ABC):
    """Weights as kernels read them, and the programs that they are read by.

    packed : PackedWeights
    """

    packed: PackedWeights

    def __init__(self) -> None:
        self._path, self._memory = paths.forced_path(), settings.get_memory()
        self._programs: dict[tuple[Any, ...], launch.Program] = {}

    @abstractmethod
    def _made(self, x: npt.NDArray[Any], threads: int) -> launch.Program:
        """Make what computes arrays like ``x``; pack the weights that it needs."""

    def _program(self, x: npt.NDArray[Any], threads: int) -> launch.Program:
        """What computes arrays like ``x``, remembered."""
        key = (x.shape, threads, x.dtype.type)
        if (found := self._programs.get(key)) is not None:
            return found
        program = self._made(x, threads)
        if len(self._programs) >= REMEMBERED:
            self._programs.clear()
        self._programs[key] = program
        return program

    def run(
        self,
        x: npt.NDArray[Any],
        out: npt.NDArray[Any],
        accumulator: npt.NDArray[np.int32] | None,
    ) -> None:
        """Compute ``out``, and the accumulators if wanted, from checked arrays."""
        if out.size == 0:
            return
        program = self._program(x, settings.get_num_threads())
        acc = 0 if accumulator is None else address(accumulator)
        program.run(address(x), address(out), acc, scratch(program.scratch_bytes))

    def scratch_bytes(self, x: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that computing arrays like ``x`` needs."""
        return self._program(x, threads).scratch_bytes

    def bind(
        self,
        x: npt.NDArray[Any],
        out: npt.NDArray[Any],
        threads: int,
        room: npt.NDArray[np.uint8] | None = None,
        tail: Tail | None = None,
    ) -> list[launch.Call]:
        """Calls that compute ``out`` from ``x``, C-contiguous and checked.

        Rows, or pixels, of ``out`` may lie further apart than they are long, if there
        is no tail.

        room : scratch that calls running one after the other may share
        tail : what is done to ``out`` besides
        """
        program = self._program(x, threads)
        own = aligned(program.scratch_bytes) if room is None else room
        more = NO_TAIL if tail is None else tail.words
        bases = (address(x), address(out), 0, address(own), *more, gap(out))
        return program.calls(bases, x, out, own, self.packed, tail)
