"""A chain of convolutions and pools, a band of rows at a time.

Each stage's output is held only as far as the next stage still reads it, in a buffer
that stays in the second-level cache; rows that two bands read are moved to the front
of the buffer rather than computed again::

    for each band of the last stage's rows:
        for each stage: the rows that its reader lacks, from those that are held

Bits cannot change: a stage computes each of its rows from the same rows as it would
for the whole image, and a quantized convolution finds its range from all of them first.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .graph import Graph, Node
from .operators.window import resolved
from .packing import Packed
from .prepared import prepared, shape_only

if TYPE_CHECKING:
    from qd8.kernels.launch import Call

Array = npt.NDArray[Any]
ALIGNMENT = 64
# Bytes of the buffers: of L2 at most three quarters, since inputs and weights pass
# through it too; more bytes serve no more (Inception-v3 on Sapphire Rapids).
ROOM = 512 << 10
STEP, LEAST = 4, 2  # bands are whole fours of rows where they are higher; at least two


class Rows(NamedTuple):
    """How rows of a stage's outputs read rows of its inputs.

    top : rows of padding above; inputs : rows of the whole input
    """

    kernel: int
    stride: int
    top: int
    inputs: int

    def read(self, first: int, last: int) -> tuple[int, int, tuple[int, int]]:
        """(first, last + 1) of the rows that outputs read, and the padding there."""
        begin = first * self.stride - self.top
        end = (last - 1) * self.stride - self.top + self.kernel
        sides = max(-begin, 0), max(end - self.inputs, 0)
        return max(begin, 0), min(end, self.inputs), sides


class Piece(NamedTuple):
    """The rows ``first`` to ``last`` of a stage's output, made for one band.

    read, padding : the rows of its input for them, as `Rows.read` says
    base : row of its output that is first in its buffer
    kept, held : rows that are moved there before, and where they are in the buffer
    """

    first: int
    last: int
    read: tuple[int, int] = (0, 0)
    padding: tuple[int, int] = (0, 0)
    base: int = 0
    kept: int = 0
    held: int = 0


class _Buffer:
    """Rows ``base`` to ``end`` of a stage's output, which are held."""

    def __init__(self) -> None:
        self.base = self.end = self.rows = 0

    def hold(self, low: int, high: int) -> Piece:
        """Let rows ``low`` to ``high`` be held; return what must be made for that."""
        kept, held = max(self.end - low, 0), low - self.base
        if 0 < held < kept:
            kept = 0  # moved, they would overlap where they are
        end = max(high, low + kept)
        self.base, self.end, self.rows = low, end, max(self.rows, end - low)
        return Piece(low + kept, end, base=low, kept=kept if held else 0, held=held)


def cut(stages: Sequence[Rows], outputs: int, height: int) -> list[list[Piece]]:
    """Cut ``outputs`` rows of the last stage into bands of ``height``.

    Returns
    -------
    For each band a piece of each stage, perhaps of no row.
    """
    buffers = [_Buffer() for _ in stages[1:]]
    bands = []
    for begin in range(0, outputs, height):
        piece = Piece(begin, min(begin + height, outputs))
        band = []
        for i in reversed(range(len(stages))):
            if piece.first == piece.last:
                band.append(piece)
                piece = Piece(0, 0)
                continue
            low, high, padding = stages[i].read(piece.first, piece.last)
            band.append(piece._replace(read=(low, high), padding=padding))
            if i:
                piece = buffers[i - 1].hold(low, high)
        bands.append(band[::-1])
    return bands


def held_rows(bands: Sequence[Sequence[Piece]]) -> list[int]:
    """Rows that the buffer of each stage but the last holds at most."""
    return [
        max(piece.last - piece.base for piece in stage)
        for stage in list(zip(*bands, strict=True))[:-1]
    ]


def bands_within(
    stages: Sequence[Rows], outputs: int, row_bytes: Sequence[int], budget: int
) -> list[list[Piece]]:
    """Return the fewest bands whose buffers take ``budget`` bytes together.

    row_bytes : of each stage's output but the last's
    """
    for count in range(1, outputs + 1):
        height = -(-outputs // count)
        if height > STEP:  # of whole tiles of Winograd, and of pooled rows
            height = -(-height // STEP) * STEP
        found = cut(stages, outputs, height)
        held = sum(map(prod, zip(held_rows(found), row_bytes, strict=True)))
        if held <= budget or height <= LEAST:
            break
    return found


class Banded:
    """A node that runs in bands, with its arrays.

    layers : its quantized layers, and arrays like those that they read

    Parameters
    ----------
    packed : of each stage
    arrays : {tensor: its array}, without the outputs of stages but the last
    """

    def __init__(
        self,
        graph: Graph,
        node: Node,
        packed: Sequence[Packed],
        arrays: Mapping[int, Array],
    ) -> None:
        from qd8.kernels import isa

        self._graph, self._nodes, self._packed = graph, node.stages, packed
        self._arrays = arrays
        outs = [graph.tensors[n.outputs[0]] for n in self._nodes]
        self.layers = [
            (each.layer, shape_only(graph.tensors[_source(n)]))
            for n, each in zip(self._nodes, packed, strict=True)
            if each.layer is not None
        ]
        rows = [_rows(graph, n) for n in self._nodes]
        self._row_bytes = [
            prod(t.shape[2:]) * t.dtype.itemsize for t in outs[:-1]
        ]  # of one image
        budget = min(isa.current().l2_bytes * 3 // 4, ROOM)
        self._bands = bands_within(rows, outs[-1].shape[1], self._row_bytes, budget)
        self._sizes = [
            -(-rows * size // ALIGNMENT) * ALIGNMENT
            for rows, size in zip(held_rows(self._bands), self._row_bytes, strict=True)
        ]

    def scratch_bytes(self, threads: int) -> int:
        """Bytes of the buffers, of the first layer, and of any other."""
        return sum(self._sizes) + self._first_bytes(threads) + self._most(threads)

    def bind(self, threads: int, room: npt.NDArray[np.uint8]) -> "list[Call]":
        """Return the calls of all bands."""
        from qd8.conv2d_bands import RowsOfConv2D
        from qd8.kernels.movement import bind_copy

        buffers = self._buffers(room)
        at = sum(self._sizes)
        own = room[at : at + self._first_bytes(threads)]
        shared = room[at + len(own) :]
        calls: list[Call] = []
        first: Any = None
        if self._of_images:
            x = self._arrays[_source(self._nodes[0])]
            first = RowsOfConv2D(self._packed[0].layer, x, threads, own)
            calls += first.prepared
        for band in self._bands:
            for i, piece in enumerate(band):
                if piece.kept:
                    to = buffers[i][:, : piece.kept]
                    held = buffers[i][:, piece.held : piece.held + piece.kept]
                    calls += bind_copy(held, to, threads=threads)
                if piece.first == piece.last:
                    continue
                made = self._prepared(i, band, buffers)
                if i == 0 and first is not None:
                    calls += first.bind(piece.first, made.out, made.tail)
                else:
                    calls += made.bind(threads, shared)
        return calls

    @property
    def _of_images(self) -> bool:
        """Whether the first stage quantizes whole images."""
        layer = self._packed[0].layer
        return layer is not None and layer.pixels is None

    def _first_bytes(self, threads: int) -> int:
        if not self._of_images:
            return 0
        layer, x = self.layers[0]
        return -(-int(layer.scratch_bytes(x, threads)) // ALIGNMENT) * ALIGNMENT

    def _most(self, threads: int) -> int:
        """Bytes of scratch of the layers that quantize pixels, of any band."""
        most = 0
        for i, packed in enumerate(self._packed):
            if packed.layer is None or (i == 0 and self._of_images):
                continue
            x = shape_only(self._graph.tensors[_source(self._nodes[i])])
            for piece in {band[i].last - band[i].first for band in self._bands} - {0}:
                most = max(most, packed.layer.scratch_bytes(x[:, :piece], threads))
        return most

    def _buffers(self, room: npt.NDArray[np.uint8]) -> list[Array]:
        found, at = [], 0
        for node, size, row in zip(
            self._nodes, self._sizes, self._row_bytes, strict=False
        ):
            tensor = self._graph.tensors[node.outputs[0]]
            rows = room[at : at + size // row * row].view(tensor.dtype)
            found.append(rows.reshape(1, -1, *tensor.shape[2:]))
            at += size
        return found

    def _prepared(self, i: int, band: Sequence[Piece], buffers: Sequence[Array]) -> Any:
        """Return a stage on the rows of a piece."""
        node, piece, arrays = self._nodes[i], band[i], dict(self._arrays)
        height = self._graph.tensors[node.outputs[0]].shape[1]
        for j in node.inputs[len(node.own_inputs) :]:
            if j is not None and arrays[j].ndim == 4 and arrays[j].shape[1] == height:
                arrays[j] = arrays[j][:, piece.first : piece.last]
        low, high = piece.read
        source, output = _source(node), node.outputs[0]
        if i == 0:
            arrays[source] = arrays[source][:, low:high]
        else:
            base = band[i - 1].base
            arrays[source] = buffers[i - 1][:, low - base : high - base]
        if i == len(self._nodes) - 1:
            arrays[output] = arrays[output][:, piece.first : piece.last]
        else:
            rows = slice(piece.first - piece.base, piece.last - piece.base)
            arrays[output] = buffers[i][:, rows]
        packed, changes = self._packed[i], {}
        if packed.layer is None:
            sides = _resolved(self._graph, node)["padding"][1]
            changes["padding"] = piece.padding, sides
        return prepared(self._graph, node, packed, arrays, **changes)


def _source(node: Node) -> int:
    source = node.inputs[0]
    assert source is not None
    return source


def _window(graph: Graph, node: Node) -> tuple[int, int]:
    if "window" in node.options:
        size: tuple[int, int] = node.options["window"]
        return size
    height, width = graph.tensors[node.weight].shape[1:3]
    return height, width


def _resolved(graph: Graph, node: Node) -> dict[str, Any]:
    size = graph.tensors[_source(node)].shape[1:3]
    return resolved(dict(node.options), (size[0], size[1]), _window(graph, node))


def _rows(graph: Graph, node: Node) -> Rows:
    options = _resolved(graph, node)
    inputs = graph.tensors[_source(node)].shape[1]
    kernel, _ = _window(graph, node)
    return Rows(kernel, options["stride"][0], options["padding"][0][0], inputs)
