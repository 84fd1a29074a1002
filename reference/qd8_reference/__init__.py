"""The executable definition of qd8's numerics.

Short, slow and readable, NumPy only. ``docs/numerics.md`` of the qd8 repository states
the rules; a line that carries one out names it (``# R7``). This package is not meant
to be fast and not meant for use in production: it is what everything else must equal.
"""

from .operators.conv2d import conv2d, conv2d_steps
from .operators.fully_connected import Steps, fully_connected, fully_connected_steps
from .quantize import QuantizedRows, quantize_images, quantize_rows
from .quantize_weights import QuantizedWeights, quantize_weights

#: Changes with any rule of docs/numerics.md.
NUMERICS_VERSION = 1

__all__ = [
    "NUMERICS_VERSION",
    "QuantizedRows",
    "QuantizedWeights",
    "Steps",
    "conv2d",
    "conv2d_steps",
    "fully_connected",
    "fully_connected_steps",
    "quantize_images",
    "quantize_rows",
    "quantize_weights",
]
