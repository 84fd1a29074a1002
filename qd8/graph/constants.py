"""Where the value of a constant comes from; computed when it is asked for.

A dynamic-range UNet is 0.9 GB of int8 weights; dequantized they are 3.4 GB, and packed
for the kernels once more. So a graph holds no converted weight, only how it is made:
packing asks for one, packs it, and lets it go.

Two constants are equal if they are made the same way from the same bytes, so that two
graphs of one file (of other input shapes) can share what was packed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from qd8 import tflite
from qd8.records import field, record

from .operators.dequantize import dequantize

Array = npt.NDArray[Any]


class Values(NamedTuple):
    """A constant's elements, and (n,) or (1,) float32 scales of int8 ones or None."""

    data: Array
    scale: npt.NDArray[np.float32] | None


class Constant(Protocol):
    """Something that has a value."""

    @property
    def nbytes(self) -> int:
        """How many bytes are stored for it."""

    @property
    def origin(self) -> Array:
        """The stored array that it is made from."""

    def load(self) -> Values:
        """Return the value; a view of the file if it is stored so."""


@record(frozen=True, slots=True, eq=False)
class Stored:
    """Elements as they lie in the file or in memory."""

    data: Array = field(repr=False)
    scale: npt.NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def nbytes(self) -> int:
        return int(self.data.nbytes)

    @property
    def origin(self) -> Array:
        return self.data

    def load(self) -> Values:
        return Values(self.data, self.scale)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stored) and self.data is other.data

    def __hash__(self) -> int:
        return id(self.data)


@record(frozen=True, slots=True)
class Folded:
    """What an operator makes of a constant of the file: DEQUANTIZE.

    function : (data, scale, zero_point, axis) -> array
    """

    tensor: tflite.Tensor = field(repr=False)
    function: Callable[..., Array]

    @property
    def nbytes(self) -> int:
        return int(self.origin.nbytes)

    @property
    def origin(self) -> Array:
        assert self.tensor.data is not None
        return self.tensor.data

    def load(self) -> Values:
        said = self.tensor.quantization if self.tensor.dtype == "INT8" else None
        if said is None:
            return Values(self.function(self.origin, None, None, 0), None)
        data = self.function(self.origin, said.scale, said.zero_point, said.axis)
        return Values(data, None)


@record(frozen=True, slots=True)
class Converted:
    """Another constant as "int8" (R12), "float32" (R27) or "float16" (R30).

    axis : of the output channels
    """

    source: Constant
    kind: str
    axis: int

    @property
    def nbytes(self) -> int:
        return self.source.nbytes

    @property
    def origin(self) -> Array:
        return self.source.origin

    def load(self) -> Values:
        data, scale = self.source.load()
        if self.kind == "int8":
            from qd8.quantize import quantize_weights

            return Values(
                *quantize_weights(data.astype("f4", copy=False), axis=self.axis)
            )
        if scale is not None:
            zero_point = np.zeros(scale.size, np.int32)
            data = dequantize(data, scale, zero_point, self.axis)
        with np.errstate(over="ignore"):  # R4: 65520 and above become infinity
            return Values(data.astype(self.kind, copy=False), None)
