"""What LiteRT says about tensors and operators, key by key and type by type."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Details = dict[str, Any]

# What LiteRT calls the types of tensors, and the NumPy types that it gives them.
# INT4 is unpacked; a type without a NumPy twin is left out of the details.
NUMPY_TYPES: Mapping[str, type] = {
    "FLOAT32": np.float32,
    "FLOAT16": np.float16,
    "FLOAT64": np.float64,
    "INT4": np.int8,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "BOOL": np.bool_,
    "COMPLEX64": np.complex64,
    "COMPLEX128": np.complex128,
    "STRING": np.bytes_,
    "RESOURCE": np.object_,
    "VARIANT": np.object_,
}
_NAMES = {numpy: name for name, numpy in NUMPY_TYPES.items() if name != "INT4"}


def tensor_details(tensor: Any, shape: Sequence[int], compress: bool) -> Details:
    """Describe a tensor.

    Parameters
    ----------
    tensor : qd8.tflite.Tensor
    shape : its shape now
    compress : show equal zero points of channels as one

    Raises
    ------
    ValueError
        If its type has no NumPy twin.
    """
    if tensor.dtype not in NUMPY_TYPES:
        raise ValueError("Could not get tensor details")
    said = tensor.quantization
    scales = np.array([] if said is None else said.scale, np.float32)
    zeros = np.array([] if said is None else said.zero_point, np.int32)
    single = (0.0, 0)
    if scales.size == 1:
        single = (float(scales[0]), int(zeros[0]))
    if compress and zeros.size and (zeros == zeros[0]).all():
        zeros = zeros[:1]
    return {
        "name": tensor.name,
        "index": tensor.index,
        "shape": np.array(shape, np.int32),
        "shape_signature": np.array(tensor.shape_signature or shape, np.int32),
        "dtype": NUMPY_TYPES[tensor.dtype],
        "quantization": single,
        "quantization_parameters": {
            "scales": scales,
            "zero_points": zeros,
            "quantized_dimension": 0 if said is None else said.axis,
            "block_size": 0,
        },
        "sparsity_parameters": {},
    }


def operator_details(call: Any, tensors: Sequence[Any]) -> Details:
    """Describe a call of an operator of the file, with the types of its tensors."""
    types = [NUMPY_TYPES.get(tensor.dtype) for tensor in tensors]
    return {
        "index": call.index,
        "op_name": call.op,
        "inputs": np.array(call.inputs, np.int32),
        "outputs": np.array(call.outputs, np.int32),
        "operand_types": [types[i] for i in call.inputs if i != -1],
        "result_types": [types[i] for i in call.outputs if i != -1],
    }
