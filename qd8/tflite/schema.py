"""What a `.tflite` file says, as plain frozen records.

Field names are TFLite's (schema.fbs), enum values are their names there. Arrays
are views into the file.
"""

import mmap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.records import field, record
from qd8.workspace import address

from .flatbuffer import Bytes

# TensorType to NumPy. The other types are read as raw bytes.
DTYPES = {
    "FLOAT32": "<f4",
    "FLOAT16": "<f2",
    "FLOAT64": "<f8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "BOOL": "|b1",
}


@record(frozen=True, slots=True, eq=False)
class Quantization:
    """How the integers of a tensor stand for real numbers.

    scale : (n,) float32      real units per step; n is 1 or the extent of ``axis``
    zero_point : (n,) int64   the step that stands for 0.0
    """

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int


@record(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor; ``data`` is None for what is computed while the model runs."""

    index: int
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    data: npt.NDArray[Any] | None = field(repr=False)
    is_variable: bool = False
    is_sparse: bool = False

    def __str__(self) -> str:
        return f"tensor {self.index} ({self.name!r})"


@record(frozen=True, slots=True)
class Operator:
    """One call of an operator; an absent optional input is -1."""

    index: int
    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]

    def __str__(self) -> str:
        return f"operator {self.index} ({self.op})"


@record(frozen=True, slots=True)
class Subgraph:
    """Tensors and operators; inputs and outputs are indices of tensors."""

    index: int
    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@record(frozen=True, slots=True)
class Signature:
    """Public names for the inputs and outputs of a subgraph."""

    key: str
    subgraph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@record(frozen=True, slots=True, eq=False)
class File:
    """A whole file. ``data`` are its bytes, to which every array here is a view.

    mapped : the mapping, of a file that was opened by its path
    """

    name: str
    version: int
    description: str
    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[Signature, ...]
    data: Bytes = field(repr=False)
    mapped: mmap.mmap | None = field(default=None, repr=False)

    @property
    def main(self) -> Subgraph:
        """The subgraph that runs unless a signature of another one is asked for."""
        return self.subgraphs[0]

    def forget(self, arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Let the system take back the pages from the first to the last of some arrays.

        They stay valid: touching one reads the file again. Without this, a loaded
        model would be resident twice, packed and as it lies in the file.
        """
        if self.mapped is None or not hasattr(self.mapped, "madvise"):
            return
        base, size = address(self.data), self.data.size
        starts = [(address(array) - base, array.nbytes) for array in arrays]
        held = [(at, at + count) for at, count in starts if 0 <= at < size]
        first = -(-min(held, default=(0, 0))[0] // mmap.PAGESIZE) * mmap.PAGESIZE
        last = max((end for _, end in held), default=0)
        last = last // mmap.PAGESIZE * mmap.PAGESIZE
        if first < last:
            self.mapped.madvise(mmap.MADV_DONTNEED, first, last - first)
