"""Write the options of an operator: the inverse of `options`.

The union's type follows from the operator's name, nearly always by spelling: CONV_2D
has Conv2DOptions. A new operator needs nothing here unless its table is shared.
"""

import functools
from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
import tflite

from .options import ENUMS

# Operators whose table is not called after them.
# Source: tensorflow/lite/schema/schema.fbs, union BuiltinOptions.
SHARED = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "SUM": "ReducerOptions",
}


def write_options(
    b: flatbuffers.Builder, op: str, options: Mapping[str, Any]
) -> tuple[int, int]:
    """Write a BuiltinOptions union from a dict as `read_options` makes it.

    Parameters
    ----------
    b : flatbuffers.Builder
    op : str
        TFLite's name of the operator.
    options : dict
        By the names of schema.fbs; what is left out has the schema's default.

    Returns
    -------
    kind : int
        The union's type; 0 where there are no options: no table means every field
        at its default.
    offset : int
        Of the table in ``b``.

    Raises
    ------
    ValueError
        If the operator has no such option, or an enum no such value.
    """
    if not options:
        return 0, 0
    name = options_table(op)
    if name is None:
        raise ValueError(f"{op} takes no options, not {', '.join(options)}")
    fields = {_camel(key): _value(b, key, value) for key, value in options.items()}
    getattr(tflite, f"{name}Start")(b)
    for field, value in fields.items():
        add = getattr(tflite, f"{name}Add{field}", None)
        if add is None:
            raise ValueError(f"{name} has no field {field}")
        add(b, value)
    offset = int(getattr(tflite, f"{name}End")(b))
    return getattr(tflite.BuiltinOptions, name), offset


def options_table(op: str) -> str | None:
    """Return the name of an operator's options table, None if it has none."""
    return SHARED.get(op) or _by_spelling().get(f"{op.replace('_', '')}OPTIONS")


@functools.cache
def _by_spelling() -> dict[str, str]:
    """Map the name of each options table, in capitals, to how it is written."""
    return {name.upper(): name for name in vars(tflite.BuiltinOptions)}


def _camel(field: str) -> str:
    """Turn stride_h into StrideH."""
    return "".join(part[0].upper() + part[1:] for part in field.split("_"))


def _value(b: flatbuffers.Builder, field: str, value: Any) -> Any:
    """Return what the table holds for a field: a number, or where a vector is."""
    if isinstance(value, str):
        enum = getattr(tflite, ENUMS.get(field, ""), None)
        found = getattr(enum, value, None)
        if not isinstance(found, int):
            raise ValueError(f"{field} cannot be {value!r}")
        return found
    if isinstance(value, tuple):
        return b.CreateNumpyVector(np.array(value, np.int32))
    return value
