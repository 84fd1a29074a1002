"""One file a family of operators; `OPERATORS` finds each by its TFLite name.

To add one, write its file (an `Operator` record with its functions), name it here,
and add its reference and its kernel. Nothing else knows operators by name.
"""

from .concatenation import CONCATENATION
from .conv_2d import CONV_2D
from .depthwise_conv_2d import DEPTHWISE_CONV_2D
from .dequantize import DEQUANTIZE
from .elementwise import ADD, MUL, SUB
from .fully_connected import FULLY_CONNECTED
from .mean import MEAN
from .operator import Operator
from .pad import PAD, PADV2
from .pool_2d import AVERAGE_POOL_2D, MAX_POOL_2D
from .reshape import RESHAPE
from .softmax import SOFTMAX
from .unary import LOGISTIC, RELU, RELU6

# CAST is not here: the precision pass makes it, no file may hold one yet.
OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        ADD,
        AVERAGE_POOL_2D,
        CONCATENATION,
        CONV_2D,
        DEPTHWISE_CONV_2D,
        DEQUANTIZE,
        FULLY_CONNECTED,
        LOGISTIC,
        MAX_POOL_2D,
        MEAN,
        MUL,
        PAD,
        PADV2,
        RELU,
        RELU6,
        RESHAPE,
        SOFTMAX,
        SUB,
    )
}

__all__ = ["OPERATORS", "Operator"]
