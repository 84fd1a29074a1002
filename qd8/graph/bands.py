"""A chain of convolutions and pools, a band of rows at a time.

Each stage's output is a buffer of a few rows that stays in the second-level cache::

    for each thread, for each band of its rows of the last stage:
        for each stage: the rows that its reader lacks, from those that are held

Bits cannot change: a stage computes each of its rows from the same rows as it would
for the whole image, and a quantized convolution finds its range from all of them first.
Threads have rows and buffers of their own, and do not wait for each other; what one
reads at its borders, the other makes too.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .band_rows import LEAST, Piece, Rows, bands_within, held_rows
from .graph import Graph, Node
from .operators.window import resolved
from .packing import Packed
from .prepared import Prepared, prepared, shape_only
from .ranged import States

if TYPE_CHECKING:
    from qd8.conv2d_bands import RowsOfImage
    from qd8.conv2d_steps import Convolution
    from qd8.kernels.launch import Call

Array = npt.NDArray[Any]
ALIGNMENT = 64
# Bytes of a thread's buffers: of L2 at most three quarters, since inputs and weights
# pass through it too; more bytes serve no more (Inception-v3 on Sapphire Rapids).
ROOM = 512 << 10


class Share(NamedTuple):
    """What one thread does.

    sizes : bytes of the buffer of each stage but the last
    scratch : bytes that layers over pixels take, one after the other
    """

    bands: list[list[Piece]]
    sizes: list[int]
    scratch: int

    @property
    def nbytes(self) -> int:
        """Of all that a thread has for itself."""
        return _whole_lines(sum(self.sizes) + self.scratch)


class Banded:
    """A node that runs in bands, with its arrays.

    layers : its quantized layers, and arrays like those that they read

    Parameters
    ----------
    packed : of each stage
    arrays : {tensor: its array}, without the outputs of stages but the last
    states : of the ranges that are found as tensors are made
    """

    def __init__(
        self,
        graph: Graph,
        node: Node,
        packed: Sequence[Packed],
        arrays: Mapping[int, Array],
        states: States,
    ) -> None:
        self._graph, self._nodes, self._packed = graph, node.stages, packed
        self._arrays, self._states = arrays, states
        self.layers = [
            (each.layer, shape_only(graph.tensors[_source(n)]))
            for n, each in zip(self._nodes, packed, strict=True)
            if each.layer is not None
        ]
        self._rows = [_rows(graph, n) for n in self._nodes]
        self._sides = [_resolved(graph, n)["padding"][1] for n in self._nodes]
        outs = [graph.tensors[n.outputs[0]] for n in self._nodes]
        self._row_bytes = [prod(t.shape[2:]) * t.dtype.itemsize for t in outs[:-1]]
        self._height = outs[-1].shape[1]
        self._shares = cache(self._made_shares)  # of a number of threads

    def scratch_bytes(self, threads: int) -> int:
        """Bytes of a quantized image, and of what each thread has for itself."""
        shares = self._shares(threads)
        return self._image_bytes(threads) + sum(share.nbytes for share in shares)

    def bind(self, threads: int, room: npt.NDArray[np.uint8]) -> "list[Call]":
        """Return the calls: what finds a range and quantizes, then all bands."""
        from qd8.conv2d_bands import RowsOfImage
        from qd8.kernels.sequences import bind_sequences

        at, calls, image = self._image_bytes(threads), [], None
        if self._of_images:
            x = self._arrays[_source(self._nodes[0])]
            images, whole = self._packed[0].layer.images, self._image(threads)
            image = RowsOfImage(images, whole, x, room[:at])
            calls += image.prepared
        sequences = []
        for number, share in enumerate(self._shares(threads)):
            own = room[at : at + share.nbytes]
            sequences.append(self._bound(share, own, image, number))
            at += share.nbytes
        if len(sequences) == 1:
            return [*calls, *sequences[0]]
        return [*calls, bind_sequences(sequences)]

    def _made_shares(self, threads: int) -> list[Share]:
        from qd8.kernels import isa

        count = max(1, min(threads, self._height // LEAST))
        budget = min(isa.current().l2_bytes * 3 // 4, ROOM)
        shares = []
        for number in range(count):
            first = self._height * number // count
            last = self._height * (number + 1) // count
            bands = bands_within(self._rows, first, last, self._row_bytes, budget)
            held = zip(held_rows(bands), self._row_bytes, strict=True)
            sizes = [_whole_lines(rows * size) for rows, size in held]
            shares.append(Share(bands, sizes, self._scratch(bands)))
        return shares

    @property
    def _of_images(self) -> bool:
        """Whether the first stage quantizes whole images."""
        layer = self._packed[0].layer
        return layer is not None and layer.pixels is None

    def _image(self, threads: int) -> "Convolution":
        from qd8.conv2d_bands import in_shares

        layer, x = self.layers[0]
        return in_shares(layer.images, x, threads)

    def _image_bytes(self, threads: int) -> int:
        if not self._of_images:
            return 0
        return _whole_lines(self._image(threads).g.scratch_bytes)

    def _scratch(self, bands: Sequence[Sequence[Piece]]) -> int:
        """Bytes of scratch of the layers that quantize pixels, of any band."""
        most = 0
        for i, packed in enumerate(self._packed):
            if packed.layer is None or (i == 0 and self._of_images):
                continue
            x = shape_only(self._graph.tensors[_source(self._nodes[i])])
            for rows in {band[i].last - band[i].first for band in bands} - {0}:
                most = max(most, packed.layer.scratch_bytes(x[:, :rows], 1))
        return most

    def _bound(
        self,
        share: Share,
        room: npt.NDArray[np.uint8],
        image: "RowsOfImage | None",
        number: int,
    ) -> "list[Call]":
        """Return the calls of one thread, one after the other."""
        from qd8.kernels.movement import bind_copy

        buffers = self._buffers(share.sizes, room)
        shared = room[sum(share.sizes) :]
        calls: list[Call] = []
        # Bands in the middle of an image differ in where they read and write it; what
        # goes from buffer to buffer is the same call again.
        known: dict[tuple[Any, ...], list[Call]] = {}
        for band in share.bands:
            for i, piece in enumerate(band):
                if piece.kept:
                    key: tuple[Any, ...] = (i, piece.kept, piece.held)
                    if key not in known:
                        to = buffers[i][:, : piece.kept]
                        held = buffers[i][:, piece.held : piece.held + piece.kept]
                        known[key] = bind_copy(held, to, threads=1)
                    calls += known[key]
                if piece.first == piece.last:
                    continue
                place = self._place(i, band)
                if place is not None and place in known:
                    calls += known[place]
                    continue
                made = self._prepared(i, band, buffers)
                if i == 0 and image is not None:
                    found = image.bind(piece.first, made.out, made.tail, number)
                else:
                    found = made.bind(1, shared)
                calls += found
                if place is not None:
                    known[place] = found
        return calls

    def _place(self, i: int, band: Sequence[Piece]) -> tuple[Any, ...] | None:
        """Return what a stage's calls follow from, None if from rows of whole images.

        The rows that it reads and makes, counted from those that its buffers hold.
        """
        node, piece = self._nodes[i], band[i]
        if i in (0, len(self._nodes) - 1) or node.tail_inputs:
            return None
        base = band[i - 1].base
        read = piece.read[0] - base, piece.read[1] - base
        made = piece.first - piece.base, piece.last - piece.base
        return i, *read, *made, piece.padding

    def _buffers(
        self, sizes: Sequence[int], room: npt.NDArray[np.uint8]
    ) -> list[Array]:
        found, at = [], 0
        for node, size, row in zip(self._nodes, sizes, self._row_bytes, strict=False):
            tensor = self._graph.tensors[node.outputs[0]]
            rows = room[at : at + size // row * row].view(tensor.dtype)
            found.append(rows.reshape(1, -1, *tensor.shape[2:]))
            at += size
        return found

    def _prepared(
        self, i: int, band: Sequence[Piece], buffers: Sequence[Array]
    ) -> Prepared:
        """Return a stage on the rows of a piece."""
        node, piece = self._nodes[i], band[i]
        arrays = {
            j: self._arrays[j]
            for j in (*node.inputs, *node.outputs)
            if j is not None and j in self._arrays
        }
        height = self._graph.tensors[node.outputs[0]].shape[1]
        for j in node.tail_inputs:
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
            changes["padding"] = piece.padding, self._sides[i]
        return prepared(self._graph, node, packed, arrays, self._states, **changes)


def _whole_lines(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


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
