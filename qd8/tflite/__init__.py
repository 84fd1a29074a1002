"""The `.tflite` file as data: bytes to frozen records and back, no arithmetic."""

from .read import read
from .schema import (
    DTYPES,
    File,
    Operator,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
)
from .write import serialize, write

__all__ = [
    "DTYPES",
    "File",
    "Operator",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
    "read",
    "serialize",
    "write",
]
