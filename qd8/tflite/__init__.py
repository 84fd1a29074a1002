"""The `.tflite` file as data: bytes to frozen records and back, no arithmetic.

Writing is imported when it is asked for: package ``tflite`` is 190 modules.
"""

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from .writing import serialize, write

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


def __getattr__(name: str) -> Any:
    if name not in ("serialize", "write"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import writing

    return getattr(writing, name)
