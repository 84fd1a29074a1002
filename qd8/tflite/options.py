"""The options of an operator, under the names that TFLite's schema gives them.

Every options table of the schema has an accessor class in the package ``tflite``.
Its getters say slot, type and default of each field, but they believe every
offset; so they are run over `_CheckedTable`, which has the interface of
``flatbuffers.table.Table`` and the checks of `flatbuffer`. A new operator needs
nothing here.
"""

import functools
import inspect
import re
from typing import Any

import numpy as np
import tflite
from flatbuffers.number_types import to_numpy_type

from .flatbuffer import Table

# Fields that hold an enum, and which.
_ENUMS = {
    "padding": "Padding",
    "fused_activation_function": "ActivationFunctionType",
    "weights_format": "FullyConnectedOptionsWeightsFormat",
    "mode": "MirrorPadMode",
    "type": "LSHProjectionType",
    "combiner": "CombinerType",
    "kernel_type": "LSTMKernelType",
    "in_data_type": "TensorType",
    "out_data_type": "TensorType",
    "out_type": "TensorType",
    "output_type": "TensorType",
    "idx_out_type": "TensorType",
    "quantized_bias_type": "TensorType",
}


def read_options(operator: Table, kind: int, slot: int) -> dict[str, Any]:
    """Read a BuiltinOptions union into a dict.

    Parameters
    ----------
    operator : Table
        The operator's table.
    kind : int
        The union's type, a value of ``tflite.BuiltinOptions``.
    slot : int
        Where the union's table is.

    Returns
    -------
    dict
        Every field of the options table, by its name in schema.fbs: numbers and
        booleans as they are, enums by name, vectors as tuples. Empty if the
        operator has no options or ones this version does not know.
    """
    name = enum_name("BuiltinOptions", kind)
    fields = _fields(name) if name else ()
    table = operator.table(slot, f"{operator.what}, {name}") if fields else None
    if name is None or table is None:
        # The schema: no table means every field at its default.
        return {}
    accessor = getattr(tflite, name)()
    accessor._tab = _CheckedTable(table)
    options = {}
    for field, getter in fields:
        value = getattr(accessor, getter)()
        if isinstance(value, np.ndarray):
            table.source.charge(4 * value.nbytes, table.what)
            value = tuple(value.tolist())
        elif getter.endswith("AsNumpy"):
            value = ()
        elif field in _ENUMS:
            value = enum_name(_ENUMS[field], value) or value
        options[field] = value
    return options


def enum_name(enum: str, value: int) -> str | None:
    """Return the name of a value of one of TFLite's enums, None if it has none."""
    return _enum(enum).get(value)


@functools.cache
def _enum(name: str) -> dict[int, str]:
    members = vars(getattr(tflite, name)).items()
    return {value: key for key, value in members if isinstance(value, int)}


@functools.cache
def _fields(name: str) -> tuple[tuple[str, str], ...]:
    """Pair each field's name in schema.fbs with the getter that reads it."""
    accessor = getattr(tflite, name, None)
    if accessor is None:
        return ()
    methods = {k for k, v in vars(accessor).items() if inspect.isfunction(v)}
    fields = []
    for method in vars(accessor):
        if method not in methods or method == "Init":
            continue
        if method.endswith(("AsNumpy", "Length", "IsNone")):
            continue
        if f"{method}Length" in methods:
            if f"{method}AsNumpy" not in methods:
                continue  # a vector of tables: no builtin operator here has one
            getter = f"{method}AsNumpy"
        else:
            getter = method
        fields.append((re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower(), getter))
    return tuple(fields)


class _CheckedTable:
    """Stands where an accessor expects a ``flatbuffers.table.Table``."""

    __slots__ = ("Pos", "_table")

    def __init__(self, table: Table) -> None:
        self._table = table
        self.Pos = table.position

    def Offset(self, vtable_offset: int) -> int:
        position = self._table.field(vtable_offset // 2 - 2, 1)
        return 0 if position is None else position - self.Pos

    def Get(self, flags: Any, position: int) -> Any:
        table = self._table
        dtype = to_numpy_type(flags)
        value = table.source.array(int(position), 1, dtype.str, table.what)[0]
        return flags.py_type(value)

    def GetVectorAsNumpy(self, flags: Any, offset: int) -> np.ndarray:
        dtype = to_numpy_type(flags)
        return self._table.vector(self._slot(offset), dtype.str)

    def String(self, position: int) -> str:
        return self._table.string(self._slot(position - self.Pos))

    def _slot(self, offset: int) -> int:
        """Find the slot whose field is at ``offset`` in the table."""
        return int(self._table.offsets.index(offset))
