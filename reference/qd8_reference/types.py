"""Names for the array types that the definition speaks of."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

I8: TypeAlias = npt.NDArray[np.int8]
I32: TypeAlias = npt.NDArray[np.int32]
I64: TypeAlias = npt.NDArray[np.int64]
F16: TypeAlias = npt.NDArray[np.float16]
F32: TypeAlias = npt.NDArray[np.float32]
F64: TypeAlias = npt.NDArray[np.float64]
Bool: TypeAlias = npt.NDArray[np.bool_]

# Anything that a model may hold: see arguments.STORED.
Tensor: TypeAlias = npt.NDArray[Any]

# An operand of float32 arithmetic.
F32Operand: TypeAlias = F32 | np.float32

# What an operator takes and gives: storage is either, arithmetic is float32 (R4).
Float: TypeAlias = F32 | F16

Pair: TypeAlias = tuple[int, int]
# size of the image, kernel, stride, dilation: (vertical, horizontal) each
Geometry: TypeAlias = tuple[Pair, Pair, Pair, Pair]
Padding: TypeAlias = Literal["SAME", "VALID"] | tuple[Pair, Pair]
Activation: TypeAlias = Literal["none", "relu", "relu6", "relu_n1_to_1"]
