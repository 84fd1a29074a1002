"""One file a family of operators; `OPERATORS` finds each by its TFLite name.

To add one, write its file (an `Operator` record with its functions), name it here,
and add its reference and its kernel. Nothing else knows operators by name.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

from .operator import Operator

# What a file holds: under the operator's own name, or in its table ``BY_NAME``.
_FILES = {
    "arg_max": "ARG_MAX",
    "batch_matmul": "BATCH_MATMUL",
    "batch_space": "BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND",
    "cast": "CAST",
    "comparison": "EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL",
    "concatenation": "CONCATENATION",
    "conv_2d": "CONV_2D",
    "cumsum": "CUMSUM",
    "depth_space": "DEPTH_TO_SPACE SPACE_TO_DEPTH",
    "depthwise_conv_2d": "DEPTHWISE_CONV_2D",
    "dequantize": "DEQUANTIZE",
    "elementwise": "ADD DIV MAXIMUM MINIMUM MUL POW SQUARED_DIFFERENCE SUB",
    "fill": "FILL RANGE",
    "fully_connected": "FULLY_CONNECTED",
    "gather": "EMBEDDING_LOOKUP GATHER",
    "logical": "LOGICAL_AND LOGICAL_OR LOGICAL_NOT",
    "one_hot": "ONE_HOT",
    "pack": "PACK UNPACK",
    "pad": "PAD PADV2",
    "pool_2d": "AVERAGE_POOL_2D MAX_POOL_2D",
    "prelu": "PRELU",
    "reduce": "MEAN REDUCE_MAX SUM",
    "repeat": "BROADCAST_TO TILE",
    "reshape": "EXPAND_DIMS RESHAPE SQUEEZE",
    "resize": "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR",
    "select": "SELECT SELECT_V2",
    "shape": "SHAPE",
    "slice": "SLICE",
    "softmax": "SOFTMAX",
    "split": "SPLIT SPLIT_V",
    "strided_slice": "STRIDED_SLICE",
    "transpose": "TRANSPOSE",
    "transpose_conv": "TRANSPOSE_CONV",
    "unary": (
        "ABS ELU EXP FLOOR GELU HARD_SWISH LEAKY_RELU LOGISTIC NEG RELU RELU6 "
        "RELU_N1_TO_1 RSQRT SQRT SQUARE TANH"
    ),
}


class _Operators(Mapping[str, Operator]):
    """Imports the files of the operators that a model has: all of them take 6 ms."""

    def __init__(self) -> None:
        self._files = {op: file for file, ops in _FILES.items() for op in ops.split()}
        self._known: dict[str, Operator] = {}

    def __getitem__(self, name: str) -> Operator:
        if (found := self._known.get(name)) is None:
            held = vars(import_module(f"{__name__}.{self._files[name]}"))
            found = self._known[name] = held.get(name) or held["BY_NAME"][name]
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


OPERATORS: Mapping[str, Operator] = _Operators()

__all__ = ["OPERATORS", "Operator"]
