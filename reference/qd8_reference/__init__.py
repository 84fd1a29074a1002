"""The executable definition of qd8's numerics.

Short, slow and readable, NumPy only. ``docs/numerics.md`` of the qd8 repository states
the rules; a line that carries one out names it (``# R7``). This package is not meant
to be fast and not meant for use in production: it is what everything else must equal.
"""

from .exponential import exp
from .operators.arg_max import arg_max
from .operators.arithmetic import add, div, mul, squared_difference, sub
from .operators.average_pool_2d import average_pool_2d
from .operators.batch_matmul import batch_matmul
from .operators.batch_matmul_quantized import (
    batch_matmul_quantized,
    batch_matmul_quantized_steps,
)
from .operators.batch_space import batch_to_space_nd, space_to_batch_nd
from .operators.cast import cast
from .operators.comparison import (
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    not_equal,
    select,
)
from .operators.concatenation import concatenation
from .operators.conv2d import conv2d, conv2d_steps
from .operators.conv2d_float import conv2d_float
from .operators.cumsum import cumsum
from .operators.depth_space import depth_to_space, space_to_depth
from .operators.depthwise_conv2d import depthwise_conv2d
from .operators.dequantize import dequantize
from .operators.dimensions import expand_dims, shape, squeeze
from .operators.elu import elu
from .operators.extremes import maximum, minimum
from .operators.fill import fill, range
from .operators.fully_connected import fully_connected, fully_connected_steps
from .operators.fully_connected_float import fully_connected_float
from .operators.gather import embedding_lookup, gather
from .operators.gelu import gelu
from .operators.hard_swish import hard_swish
from .operators.leaky_relu import leaky_relu, prelu
from .operators.logical import logical_and, logical_not, logical_or
from .operators.logistic import logistic
from .operators.max_pool_2d import max_pool_2d
from .operators.mean import mean
from .operators.one_hot import one_hot
from .operators.pack import pack, unpack
from .operators.pad import pad
from .operators.pow import pow
from .operators.reduce_max import reduce_max
from .operators.relu import relu, relu6, relu_n1_to_1
from .operators.repeat import broadcast_to, reverse, tile
from .operators.reshape import reshape
from .operators.resize_bilinear import resize_bilinear
from .operators.resize_nearest_neighbor import resize_nearest_neighbor
from .operators.slice import slice, strided_slice
from .operators.softmax import softmax
from .operators.split import split, split_v
from .operators.sum import sum
from .operators.tanh import tanh
from .operators.transpose import transpose
from .operators.transpose_conv2d import transpose_conv2d
from .operators.transpose_conv2d_quantized import (
    transpose_conv2d_quantized,
    transpose_conv2d_quantized_steps,
)
from .operators.unary import abs, floor, neg, rsqrt, sqrt, square
from .quantize import QuantizedRows, quantize_images, quantize_rows
from .steps import Steps
from .weights import QuantizedWeights, quantize_weights

#: Changes with any rule of docs/numerics.md.
NUMERICS_VERSION = 2

__all__ = [
    "NUMERICS_VERSION",
    "QuantizedRows",
    "QuantizedWeights",
    "Steps",
    "abs",
    "add",
    "arg_max",
    "average_pool_2d",
    "batch_matmul",
    "batch_matmul_quantized",
    "batch_matmul_quantized_steps",
    "batch_to_space_nd",
    "broadcast_to",
    "cast",
    "concatenation",
    "conv2d",
    "conv2d_float",
    "conv2d_steps",
    "cumsum",
    "depth_to_space",
    "depthwise_conv2d",
    "dequantize",
    "div",
    "elu",
    "embedding_lookup",
    "equal",
    "exp",
    "expand_dims",
    "fill",
    "floor",
    "fully_connected",
    "fully_connected_float",
    "fully_connected_steps",
    "gather",
    "gelu",
    "greater",
    "greater_equal",
    "hard_swish",
    "leaky_relu",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logistic",
    "max_pool_2d",
    "maximum",
    "mean",
    "minimum",
    "mul",
    "neg",
    "not_equal",
    "one_hot",
    "pack",
    "pad",
    "pow",
    "prelu",
    "quantize_images",
    "quantize_rows",
    "quantize_weights",
    "range",
    "reduce_max",
    "relu",
    "relu6",
    "relu_n1_to_1",
    "reshape",
    "resize_bilinear",
    "resize_nearest_neighbor",
    "reverse",
    "rsqrt",
    "select",
    "shape",
    "slice",
    "softmax",
    "space_to_batch_nd",
    "space_to_depth",
    "split",
    "split_v",
    "sqrt",
    "square",
    "squared_difference",
    "squeeze",
    "strided_slice",
    "sub",
    "sum",
    "tanh",
    "tile",
    "transpose",
    "transpose_conv2d",
    "transpose_conv2d_quantized",
    "transpose_conv2d_quantized_steps",
    "unpack",
]
