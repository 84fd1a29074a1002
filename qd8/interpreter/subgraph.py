"""The state behind one subgraph: a model for its shapes, a buffer for each tensor."""

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

import qd8

from .details import NUMPY_TYPES

Array = npt.NDArray[Any]

_NAMES = {numpy: name for name, numpy in NUMPY_TYPES.items() if name != "INT4"}


class Subgraph:
    """One subgraph of a file: a model for its shapes, a buffer for each tensor.

    tensors : as the file says
    shapes : of each tensor, as they are now
    ready : whether the buffers have these shapes
    """

    def __init__(
        self, main: "qd8.Model", key: str | None, place: int, preserve: bool
    ) -> None:
        self._graph = main._file.subgraphs[place]
        self.tensors = self._graph.tensors
        self.shapes = [tensor.shape for tensor in self.tensors]
        self.ready = False
        self._main, self._key, self._place = main, key, place
        self._model = main if place == 0 else None
        self._preserve = preserve
        self._buffers: dict[int, Array] = {}
        self._outputs: dict[str, int] = {}  # {name in the model: tensor of the file}
        self._kept: dict[str, int] = {}

    def checked(self, i: int, error: type[Exception] = ValueError) -> int:
        """Return the index of a tensor that exists."""
        i = index(i)
        if not 0 <= i < len(self.tensors):
            raise error(
                f"Invalid tensor index {i} exceeds max tensor index {len(self.tensors)}"
            )
        return i

    def resize(self, i: int, size: Any, strict: bool = False) -> None:
        """Note another shape for a tensor."""
        array = np.array(size, np.int32)
        if array.ndim != 1:
            raise ValueError(f"Shape should be 1D instead of {array.ndim}.")
        shape = tuple(array.tolist())
        i = self.checked(i, RuntimeError)
        tensor, old = self.tensors[i], self.shapes[i]
        if tensor.data is not None:
            raise RuntimeError("Attempting to resize a fixed-size tensor.")
        if any(n < 0 for n in shape):
            raise RuntimeError(f"tensor {i} cannot be resized to {list(shape)}")
        if strict:
            _check_strict(i, old, shape, tensor.shape_signature or old)
        if shape != old or i not in self._buffers:
            self.shapes[i] = shape
            self._buffers.pop(i, None)
            self.ready = False

    def allocate(self) -> None:
        """Fit model and buffers to the shapes of the inputs."""
        if self.ready:
            return
        inputs = self._graph.inputs
        wanted: dict[str | int, tuple[int, ...]] = {
            n: self.shapes[i] for n, i in enumerate(inputs)
        }
        try:
            self._model = model = self._loaded().resize(wanted)
        except (ValueError, NotImplementedError) as error:
            raise RuntimeError(str(error)) from error
        graph, count = model.graph, len(self.tensors)
        # A tensor that only renames another has no place in the graph of the model,
        # so outputs are paired by their order; those of passes stand behind the file's.
        self._outputs = dict(zip(graph.outputs, self._graph.outputs, strict=True))
        edges = {*inputs, *self._outputs.values()}
        computed = {i for node in graph.nodes for i in node.outputs if i < count}
        for i in computed | {*inputs}:
            self.shapes[i] = graph.tensors[i].shape
        for name, i in self._outputs.items():
            self.shapes[i] = graph.tensors[graph.outputs[name]].shape
        inner = sorted(computed - edges) if self._preserve else []
        self._kept = {graph.tensors[i].name: i for i in inner if self._shows(graph, i)}
        for i in {*edges, *self._kept.values()}:
            old = self._buffers.get(i)
            if old is None or old.shape != self.shapes[i]:
                dtype = NUMPY_TYPES[self.tensors[i].dtype]
                self._buffers[i] = np.zeros(self.shapes[i], dtype)
        self.ready = True

    def invoke(self) -> None:
        """Run the model from buffers to buffers."""
        if not self.ready:
            raise RuntimeError("Invoke called on model that is not ready.")
        model = self._loaded()
        given = {name: self._buffers[i] for name, i in model.graph.inputs.items()}
        results = model.run(given, keep=self._kept)
        for name, i in {**self._outputs, **self._kept}.items():
            # What the file calls FLOAT32 is so in every precision: float16 is widened.
            np.copyto(self._buffers[i], results[name])

    def set(self, i: int, value: Any) -> None:
        """Copy an array into the buffer of a tensor."""
        i = self.checked(i)
        x, tensor, shape = np.asarray(value), self.tensors[i], self.shapes[i]
        given = "STRING" if x.dtype.kind in "SUO" else _NAMES.get(x.dtype.type)
        if given != tensor.dtype:
            raise ValueError(
                f"Cannot set tensor: Got value of type {given or 'NOTYPE'} but "
                f"expected type {tensor.dtype} for input {i}, name: {tensor.name} "
            )
        if x.ndim != len(shape):
            raise ValueError(
                f"Cannot set tensor: Dimension mismatch. Got {x.ndim} but expected "
                f"{len(shape)} for input {i}."
            )
        for axis, (got, expected) in enumerate(zip(x.shape, shape, strict=True)):
            if got != expected:
                raise ValueError(
                    f"Cannot set tensor: Dimension mismatch. Got {got} but expected "
                    f"{expected} for dimension {axis} of input {i}."
                )
        if tensor.data is not None:
            raise ValueError(f"Cannot set tensor: {tensor} is a constant")
        if i not in self._buffers:
            raise ValueError(
                "Cannot set tensor: Tensor is unallocated. "
                f"Try calling allocate_tensors() first{self._hint(i)}"
            )
        np.copyto(self._buffers[i], x)

    def get(self, i: int) -> Array:
        """Return the buffer of a tensor, or the value of a constant, read-only."""
        i = self.checked(i)
        if i in self._buffers:
            return self._buffers[i]
        if (constant := self.tensors[i].data) is not None:
            return constant
        if self.ready and self._shows(graph := self._loaded().graph, i):
            folded = graph.tensors[i].data  # computed at load, from constants
            if folded is not None:
                return folded.astype(NUMPY_TYPES[self.tensors[i].dtype])
        raise ValueError(
            f"Tensor data is null. Run allocate_tensors() first{self._hint(i)}"
        )

    def _shows(self, graph: Any, i: int) -> bool:
        """Whether a tensor of the model holds values of the type the file says.

        FLOAT16 stands for FLOAT32 in some precisions; int8 rows of a table do not: the
        model dequantizes them as it reads them.
        """
        said = NUMPY_TYPES.get(self.tensors[i].dtype, np.void)
        return np.can_cast(graph.tensors[i].dtype, said, "safe")

    def _hint(self, i: int) -> str:
        """Say what else may be done about a tensor without a buffer."""
        if not self.ready or self._preserve:
            return ""
        return (
            f"; {self.tensors[i]} stays inside the model unless "
            "experimental_preserve_all_tensors is set"
        )

    def _loaded(self) -> "qd8.Model":
        """Return the model, loaded when it is first needed."""
        if self._model is None:
            if self._key is None:
                raise ValueError(f"no signature runs subgraph {self._place}")
            main = self._main
            self._model = qd8.Model(
                main._file,
                precision=main.precision,
                memory=main.memory,
                signature=self._key,
                passes=main.passes,
            )
        return self._model


class View:
    """What a view of a tensor has as its base: alive while any part of it is."""

    def __init__(self, buffer: Array) -> None:
        self._buffer = buffer  # keeps the memory
        self.__array_interface__ = buffer.__array_interface__


def _check_strict(
    i: int, old: Sequence[int], new: Sequence[int], free: Sequence[int]
) -> None:
    """Refuse another extent where the file does not leave it open."""
    if len(old) != len(new):
        raise RuntimeError(
            f"tensor {i} has {len(old)} dimensions, not {len(new)} (ResizeInputTensor"
            "Strict only allows mutating unknown dimensions identified by -1.)"
        )
    for axis, (was, n, open_) in enumerate(zip(old, new, free, strict=True)):
        if n != was and open_ != -1:
            raise RuntimeError(
                f"Attempting to resize dimension {axis} of tensor {i} with value {was} "
                f"to {n}. ResizeInputTensorStrict only allows mutating unknown "
                "dimensions identified by -1."
            )
