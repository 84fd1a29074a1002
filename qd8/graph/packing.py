"""Constants as the kernels take them: weights packed, others aligned; each once.

What is made here depends on constants and options alone, so graphs of one file for
several input shapes share it. The pages of the file that a packed weight was read
from are given back to the operating system at once.
"""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8 import settings, tflite

from .constants import Constant
from .graph import Graph, Node, Tensor

if TYPE_CHECKING:
    from .budget import Budget

Array = npt.NDArray[Any]
SLOW = 2**26  # bytes of weights from which on a load takes seconds
FORGOTTEN = 2**22  # bytes of weights packed, and their pages forgotten, at once


class Packed(NamedTuple):
    """A node's weight as it is used.

    layer : the quantized layer, None for a node that runs in float
    weight : what the kernel of a float node takes in place of the weight, else None
    stages : of a node that runs in bands, what each of its stages has
    """

    layer: Any = None
    weight: Any = None
    stages: tuple["Packed", ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of what was packed, 0 of nothing."""
        if self.stages:
            return sum(each.nbytes for each in self.stages)
        made = self.weight if self.layer is None else getattr(self.layer, "packed", 0)
        for part in ("nbytes", "panels", "taps"):  # of int8, float and depthwise
            if (found := getattr(made, part, None)) is not None:
                return int(getattr(found, "nbytes", found))
        return 0


class _Made(NamedTuple):
    """What was made, and from what: only equal ingredients may share it."""

    ingredients: Any
    result: Any


class Packing:
    """Everything that plans of one file share.

    Parameters
    ----------
    file : tflite.File
        Its pages are given back when a weight has been packed.
    memory : "fast" or "small"
        The packing policy of the layers.
    """

    def __init__(self, file: tflite.File, memory: str) -> None:
        self.file = file
        self.memory = memory
        self._nodes: dict[int | None, list[_Made]] = {}
        self._arrays: dict[str, _Made] = {}
        self._budget: Budget | None = None
        self._read: list[Array] = []  # of the file, and packed
        self._read_bytes = 0
        self._lock = threading.Lock()

    def deal(self, bound: Iterable[tuple[Any, Array]], threads: int) -> None:
        """Say which layers may pack weights beside their panels (budget.py)."""
        from .budget import Budget

        with self._lock:
            if self._budget is None:
                self._budget = Budget()
            self._budget.deal(bound, threads)

    def pack(self, graph: Graph) -> list[Packed]:
        """Pack the weights of every node; show how far it is if that takes long.

        Raises
        ------
        TypeError, ValueError
            If a layer refuses its weights; with file, operator and index.
        """
        weights = [graph.weight(node) for node in graph.nodes]
        sizes = [w.constant.nbytes if w and w.constant else 0 for w in weights]
        if sum(sizes) < SLOW:
            return self._pack_all(graph, lambda: None)
        from qd8.terminal import progress

        with progress(f"packing {graph.source}", sum(s > 0 for s in sizes)) as step:
            return self._pack_all(graph, lambda: step(""))

    def _pack_all(self, graph: Graph, step: Callable[[], None]) -> list[Packed]:
        """Pack every node; ``step`` is told of each weight."""
        from qd8.pack import together

        packed = []
        # Others may use what is found here: nobody finds panels that are not filled.
        options = settings.options(memory=self.memory)
        with self._lock, options, together() as waiting:
            for node in graph.nodes:
                packed.append(self._packed(graph, node))
                if self._read_bytes >= FORGOTTEN:
                    waiting.fill()
                    self._forget()
                if graph.weight(node) is not None:
                    step()
            waiting.fill()
            self._forget()
        return packed

    def arrays(self, graph: Graph) -> dict[int, Array]:
        """Return the constants that kernels and callers are given as they are."""
        used = {i for i in graph.outputs.values() if graph.tensors[i].is_constant}
        for node in (n for each in graph.nodes for n in each.stages or (each,)):
            if node.operator.of_parts is not None:
                continue
            weight = graph.weight(node)
            packs = node.quantized or node.operator.pack is not None
            own = len(node.own_inputs)
            for place, i in enumerate(node.inputs):
                if i is None or not graph.tensors[i].is_constant:
                    continue
                taken = place == 1 or (1 < place < own and node.quantized)
                if not (packs and weight and taken):
                    used.add(i)
        return {i: self._ready(graph.tensors[i]) for i in sorted(used)}

    def _ready(self, tensor: Tensor) -> Array:
        """Return a constant aligned, in C order, in this machine's byte order."""
        found = self._arrays.get(tensor.name)
        if found is None or found.ingredients != tensor.constant:
            data = tensor.data
            assert data is not None
            array = np.require(data, data.dtype.newbyteorder("="), ["C", "A"])
            found = _Made(tensor.constant, array)
            self._arrays[tensor.name] = found
        array = found.result
        assert isinstance(array, np.ndarray)
        return array

    def _packed(self, graph: Graph, node: Node) -> Packed:
        if node.stages:
            return Packed(stages=tuple(self._packed(graph, n) for n in node.stages))
        if node.operator.of_parts is not None:
            layers = [self._packed(graph, part).layer for part in node.parts]
            return Packed(layer=node.operator.of_parts(layers))
        weight = graph.weight(node)
        if weight is None or not (node.quantized or node.operator.pack):
            return Packed()
        assert weight.constant is not None
        inputs = [None if i is None else graph.tensors[i] for i in node.own_inputs]
        constants = [None if t is None else t.constant for t in inputs]
        ingredients = (node.operator.name, constants, dict(node.options))
        # A pass may change the options of a node, so an operator may have two.
        known = self._nodes.setdefault(node.index, [])
        found = next((m for m in known if m.ingredients == ingredients), None)
        if found is None:
            found = _Made(ingredients, self._make(graph, node, weight.constant))
            known.append(found)
        result = found.result
        assert isinstance(result, Packed)
        return result

    def _make(self, graph: Graph, node: Node, weight: Constant) -> Packed:
        """Pack one weight; the file's pages that it was read from may go."""
        options: dict[str, Any] = dict(node.options)
        try:
            data, scale = weight.load()
            if node.quantized:
                made = Packed(layer=self._layer(graph, node, data, scale, options))
            else:
                assert node.operator.pack is not None
                aligned = np.require(data, data.dtype.newbyteorder("="), ["C", "A"])
                made = Packed(weight=node.operator.pack(aligned, options))
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{graph.source}: operator {node.index} ({node.operator.name}): {error}"
            ) from None
        self._read.append(weight.origin)
        self._read_bytes += weight.origin.nbytes
        return made

    def _forget(self) -> None:
        """Give back the pages that weights were read from, once those are packed."""
        self.file.forget(self._read)
        self._read, self._read_bytes = [], 0

    def _layer(
        self, graph: Graph, node: Node, data: Array, scale: Any, options: dict[str, Any]
    ) -> Any:
        form = node.operator.quantized
        assert form is not None
        _, _, *more = node.own_inputs
        bias = graph.tensors[more[0]].data if more and more[0] is not None else None
        bias = None if bias is None else bias.reshape(-1)
        return form.layer(data, scale, bias, options)
