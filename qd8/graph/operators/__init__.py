"""One file a family of operators; `OPERATORS` finds each by its TFLite name.

To add one, write its file (an `Operator` record with its functions), name it here,
and add its reference and its kernel. Nothing else knows operators by name.
"""

from .arg_max import ARG_MAX
from .batch_matmul import BATCH_MATMUL
from .batch_space import BATCH_TO_SPACE_ND, SPACE_TO_BATCH_ND
from .cast import CAST
from .comparison import COMPARISONS
from .concatenation import CONCATENATION
from .conv_2d import CONV_2D
from .cumsum import CUMSUM
from .depth_space import DEPTH_TO_SPACE, SPACE_TO_DEPTH
from .depthwise_conv_2d import DEPTHWISE_CONV_2D
from .dequantize import DEQUANTIZE
from .elementwise import ADD, DIV, MAXIMUM, MINIMUM, MUL, POW, SQUARED_DIFFERENCE, SUB
from .fill import FILL, RANGE
from .fully_connected import FULLY_CONNECTED
from .gather import EMBEDDING_LOOKUP, GATHER
from .logical import LOGICAL
from .one_hot import ONE_HOT
from .operator import Operator
from .pack import PACK, UNPACK
from .pad import PAD, PADV2
from .pool_2d import AVERAGE_POOL_2D, MAX_POOL_2D
from .prelu import PRELU
from .reduce import MEAN, REDUCE_MAX, SUM
from .repeat import BROADCAST_TO, TILE
from .reshape import EXPAND_DIMS, RESHAPE, SQUEEZE
from .resize import RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR
from .select import SELECT, SELECT_V2
from .shape import SHAPE
from .slice import SLICE
from .softmax import SOFTMAX
from .split import SPLIT, SPLIT_V
from .strided_slice import STRIDED_SLICE
from .transpose import TRANSPOSE
from .transpose_conv import TRANSPOSE_CONV
from .unary import GELU, LEAKY_RELU, UNARY

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        ADD,
        ARG_MAX,
        AVERAGE_POOL_2D,
        BATCH_MATMUL,
        BATCH_TO_SPACE_ND,
        BROADCAST_TO,
        CAST,
        CONCATENATION,
        CONV_2D,
        CUMSUM,
        DEPTHWISE_CONV_2D,
        DEPTH_TO_SPACE,
        DEQUANTIZE,
        DIV,
        EMBEDDING_LOOKUP,
        EXPAND_DIMS,
        FILL,
        FULLY_CONNECTED,
        GATHER,
        GELU,
        LEAKY_RELU,
        MAXIMUM,
        MAX_POOL_2D,
        MEAN,
        MINIMUM,
        MUL,
        ONE_HOT,
        PACK,
        PAD,
        PADV2,
        POW,
        PRELU,
        RANGE,
        REDUCE_MAX,
        RESHAPE,
        RESIZE_BILINEAR,
        RESIZE_NEAREST_NEIGHBOR,
        SELECT,
        SELECT_V2,
        SHAPE,
        SLICE,
        SOFTMAX,
        SPACE_TO_BATCH_ND,
        SPACE_TO_DEPTH,
        SPLIT,
        SPLIT_V,
        SQUARED_DIFFERENCE,
        SQUEEZE,
        STRIDED_SLICE,
        SUB,
        SUM,
        TILE,
        TRANSPOSE,
        TRANSPOSE_CONV,
        UNPACK,
        *COMPARISONS.values(),
        *LOGICAL.values(),
        *UNARY.values(),
    )
}

__all__ = ["OPERATORS", "Operator"]
