"""The tables that stand in for package tflite say what its accessors say."""

import pytest
import tflite as accessors

from qd8.tflite import enums
from qd8.tflite.enums import enum_names
from qd8.tflite.options import ENUMS, table_fields


class Defaults:
    """Stands where an accessor expects its table: every field is absent.

    slots : the slots that were asked for
    """

    Pos = 0

    def __init__(self):
        self.slots = []

    def Offset(self, vtable_offset):
        self.slots.append(vtable_offset // 2 - 2)
        return 0


@pytest.mark.parametrize("enum", enums._NAMES)
def test_enums_are_those_of_the_schema(enum):
    """Each name has its place as its value, and none is missing."""
    values = vars(getattr(accessors, enum))
    expected = {name: v for name, v in values.items() if isinstance(v, int)}
    assert expected == {name: v for v, name in enumerate(enum_names(enum))}


def test_every_field_of_an_enum_names_one():
    """A misspelt enum would be found only by the file that has it."""
    assert set(ENUMS.values()) <= set(enums._NAMES)


@pytest.mark.parametrize("table", enum_names("BuiltinOptions")[1:])
def test_options_are_those_of_the_schema(table):
    """All fields, their slots and their defaults, in every options table."""
    accessor = getattr(accessors, table)
    getters = [
        name
        for name in vars(accessor)
        if name[0].isupper() and name != "Init"
        if not name.startswith("GetRoot")
        if not name.endswith(("Length", "IsNone", "BufferHasIdentifier"))
    ]
    getters = [name for name in getters if f"{name}AsNumpy" not in getters]
    fields = table_fields(table)
    assert len(getters) == len(fields)
    for getter, field in zip(getters, fields, strict=True):
        instance, defaults = accessor(), Defaults()
        instance._tab = defaults
        value = getattr(instance, getter)()
        is_vector = getter.endswith("AsNumpy")
        assert field.name.replace("_", "") == getter.removesuffix("AsNumpy").lower()
        assert defaults.slots[-1] == field.slot
        assert is_vector == field.is_vector
        assert is_vector or (type(value), value) == (type(field.default), field.default)
