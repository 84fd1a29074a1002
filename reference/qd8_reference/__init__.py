"""The executable definition of qd8's numerics.

Short, slow and readable, NumPy only. ``docs/numerics.md`` of the qd8 repository states
the rules; a line that carries one out names it (``# R7``). This package is not meant
to be fast and not meant for use in production: it is what everything else must equal.
"""

from .exponential import exp
from .operators.arithmetic import add, mul, sub
from .operators.average_pool_2d import average_pool_2d
from .operators.cast import cast
from .operators.concatenation import concatenation
from .operators.conv2d import conv2d, conv2d_steps
from .operators.conv2d_float import conv2d_float
from .operators.depthwise_conv2d import depthwise_conv2d
from .operators.dequantize import dequantize
from .operators.fully_connected import fully_connected, fully_connected_steps
from .operators.fully_connected_float import fully_connected_float
from .operators.logistic import logistic
from .operators.max_pool_2d import max_pool_2d
from .operators.mean import mean
from .operators.pad import pad
from .operators.relu import relu, relu6
from .operators.reshape import reshape
from .operators.softmax import softmax
from .quantize import QuantizedRows, quantize_images, quantize_rows
from .steps import Steps
from .weights import QuantizedWeights, quantize_weights

#: Changes with any rule of docs/numerics.md.
NUMERICS_VERSION = 1

__all__ = [
    "NUMERICS_VERSION",
    "QuantizedRows",
    "QuantizedWeights",
    "Steps",
    "add",
    "average_pool_2d",
    "cast",
    "concatenation",
    "conv2d",
    "conv2d_float",
    "conv2d_steps",
    "depthwise_conv2d",
    "dequantize",
    "exp",
    "fully_connected",
    "fully_connected_float",
    "fully_connected_steps",
    "logistic",
    "max_pool_2d",
    "mean",
    "mul",
    "pad",
    "quantize_images",
    "quantize_rows",
    "quantize_weights",
    "relu",
    "relu6",
    "reshape",
    "softmax",
    "sub",
]
