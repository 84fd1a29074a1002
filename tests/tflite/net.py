"""Small nets for tests, operator by operator: shapes in, indices of tensors out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .write import Op, T, write

DTYPES = {"f": "FLOAT32", "i": "INT32", "b": "BOOL"}


class Net:
    """Tensors and calls as they are added; the file at the end.

    >>> net = Net()
    >>> x = net.input(2, 3)
    >>> y = net.add("TRANSPOSE", [x, [1, 0]], (3, 2))
    >>> content = net.finish(y)
    """

    def __init__(self) -> None:
        self.tensors: list[T] = []
        self.calls: list[Op] = []
        self.inputs: list[int] = []

    def input(self, *shape: int, dtype: str = "FLOAT32", **changes: Any) -> int:
        """Add an input of the net."""
        self.inputs.append(self.tensor(T(shape, dtype, **changes)))
        return self.inputs[-1]

    def tensor(self, tensor: T) -> int:
        """Add a tensor as it is."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, value: Any, dtype: str | None = None) -> int:
        """Add a constant: floats as float32, integers as int32."""
        array = np.asarray(value)
        if dtype is None:
            dtype = DTYPES[array.dtype.kind]
        numpy = "bool" if dtype == "BOOL" else dtype.lower()
        return self.tensor(T(array.shape, dtype, array.astype(numpy)))

    def add(
        self,
        op: str,
        inputs: Sequence[Any],
        shape: Sequence[int],
        dtype: str = "FLOAT32",
        **options: Any,
    ) -> int:
        """Add a call with one output; an input that is no index is a constant."""
        return self.several(op, inputs, [shape], dtype, **options)[0]

    def several(
        self,
        op: str,
        inputs: Sequence[Any],
        shapes: Sequence[Sequence[int]],
        dtype: str = "FLOAT32",
        **options: Any,
    ) -> list[int]:
        """Add a call with several outputs."""
        given = [i if isinstance(i, int) else self.constant(i) for i in inputs]
        made = [self.tensor(T(shape, dtype)) for shape in shapes]
        self.calls.append(Op(op, given, made, options))
        return made

    def finish(self, *outputs: int, **more: Any) -> bytes:
        """Return the file."""
        return write(self.tensors, self.calls, self.inputs, outputs, **more)
