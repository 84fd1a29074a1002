"""The `.tflite` file as data: bytes in, frozen records out, no arithmetic."""

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

__all__ = [
    "DTYPES",
    "File",
    "Operator",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
    "read",
]
