"""Other input shapes: the same file, its shapes inferred anew, its weights shared."""

from collections.abc import Mapping, Sequence
from typing import Any

from .edges import TensorInfo, did_you_mean
from .graph import Graph

Shape = tuple[int, ...]
REMEMBERED = 8  # shapes for which a model keeps its plan


def wanted_shapes(
    graph: Graph, inputs: Sequence[TensorInfo], shapes: Mapping[Any, Sequence[int]]
) -> dict[int, Shape]:
    """Return {tensor: shape} of every input, from those that are to change.

    Parameters
    ----------
    shapes : {name or position of an input: shape}

    Raises
    ------
    KeyError
        If there is no such input.
    ValueError
        If a shape has another rank, or an extent is not 1 or more.
    """
    names = {info.tensor: n for n, info in enumerate(inputs)}
    names |= {info.name: n for n, info in enumerate(inputs)}
    found = [info.shape for info in inputs]
    for key, value in shapes.items():
        place = names.get(key, key)
        if not isinstance(place, int) or not 0 <= place < len(inputs):
            hint = did_you_mean(key, names) if isinstance(key, str) else ""
            known = ", ".join(map(str, inputs))
            raise KeyError(f"there is no input {key!r}{hint}; the model has {known}")
        shape = tuple(int(n) for n in value)
        if len(shape) != len(found[place]) or any(n < 1 for n in shape):
            raise ValueError(
                f"input {inputs[place].name!r} cannot be resized to {shape}; it is "
                f"{found[place]}: {len(found[place])} extents of 1 and more are needed"
            )
        found[place] = shape
    return dict(zip(graph.inputs.values(), found, strict=True))


class Resized:
    """The models that one model was resized to, by input shapes; the last few."""

    def __init__(self) -> None:
        self._members: dict[tuple[Shape, ...], Any] = {}

    def get(self, shapes: Sequence[Shape]) -> Any:
        """Return the model for these input shapes, None if there is none yet."""
        return self._members.get(tuple(shapes))

    def __len__(self) -> int:
        return len(self._members)

    def add(self, shapes: Sequence[Shape], model: Any) -> None:
        """Remember a model; forget the one that came first when there are many."""
        # No lock: each step is atomic, and two threads may well make the same model.
        while len(self._members) >= REMEMBERED:
            self._members.pop(next(iter(list(self._members))), None)
        self._members[tuple(shapes)] = model
