"""A flatbuffer, read by position; nothing in it is believed unchecked.

The accessors that flatc generates follow any offset and believe any length: a
patched file told them that it has 4294967280 buffers. Here every offset, vtable,
vector and string is compared with the file before it is used.

A second danger is sharing. Two offsets may point to one table, so that a file of
n bytes can describe n/4 tables of n/4 elements each. Every table, vector and
string is therefore charged to a budget that grows with the file; a file that
nests honestly stays far below it.

Source: flatbuffers, "FlatBuffer Internals" (flatbuffers.dev/internals).
"""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

# What a table costs as a Python object, in bytes of the budget.
TABLE_PRICE = 200
# Honest files spend at most 2.5 times their size: that is one of tables only. The
# smallest ones consist of nothing but tables of a few bytes.
BUDGET_PER_BYTE = 4
BUDGET = 2**16

_INT32 = struct.Struct("<i")
_UINT32 = struct.Struct("<I")
_UINT16_PAIR = struct.Struct("<HH")


class Source:
    """The bytes of one file, with checked reads.

    Parameters
    ----------
    data : (size,) uint8
        The whole file.
    name : str
        What errors call the file.
    """

    __slots__ = ("_budget", "_view", "data", "name", "size")

    def __init__(self, data: Bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.size = data.size
        self._view = memoryview(data)  # type: ignore[arg-type]
        self._budget = BUDGET + BUDGET_PER_BYTE * data.size

    def damaged(self, what: str, reason: str) -> ValueError:
        """Say which part of which file cannot be true."""
        return ValueError(f"{self.name}: {what} is damaged: {reason}")

    def check(self, position: int, length: int, what: str) -> None:
        """Raise ValueError unless the range lies inside the file."""
        if position < 0 or length < 0 or position + length > self.size:
            raise self.damaged(
                what,
                f"bytes {position} to {position + length} were asked for, "
                f"the file has {self.size}",
            )

    def charge(self, amount: int, what: str) -> None:
        """Take from the budget; raise ValueError when it is spent."""
        self._budget -= amount
        if self._budget < 0:
            raise self.damaged(
                what, "tables and vectors overlap: they hold more than the whole file"
            )

    def unpack(
        self, layout: struct.Struct, position: int, what: str
    ) -> tuple[int, ...]:
        """Unpack little-endian numbers at a checked position."""
        self.check(position, layout.size, what)
        return layout.unpack_from(self._view, position)

    def uint32(self, position: int, what: str) -> int:
        """Read one offset or length."""
        return int(self.unpack(_UINT32, position, what)[0])

    def array(
        self, position: int, count: int, dtype: str, what: str
    ) -> npt.NDArray[Any]:
        """View ``count`` elements at ``position``; no copy, possibly unaligned."""
        self.check(position, count * np.dtype(dtype).itemsize, what)
        return np.frombuffer(self.data, dtype, count, position)

    def root(self) -> "Table":
        """Return the table that the first four bytes point to."""
        return Table(self, self.uint32(0, "the root offset"), "the model table")


class Table:
    """One table: its vtable is checked once, each field when it is read.

    Fields are named by slot: the place in the schema, counted from 0 (a union
    takes two). An absent field has the schema's default.
    """

    __slots__ = ("_size", "offsets", "position", "source", "what")

    def __init__(self, source: Source, position: int, what: str) -> None:
        (back,) = source.unpack(_INT32, position, what)
        vtable = position - back
        length, size = source.unpack(_UINT16_PAIR, vtable, what)
        if length < 4 or length % 2 or size < 4:
            raise source.damaged(
                what, f"its vtable has {length} bytes and its fields {size}"
            )
        source.check(vtable, length, what)
        source.check(position, size, what)
        source.charge(length + size + TABLE_PRICE, what)
        self.source = source
        self.position = position
        self.what = what
        self._size = size
        self.offsets = source.array(vtable + 4, length // 2 - 2, "<u2", what).tolist()

    def field(self, slot: int, width: int) -> int | None:
        """Return the position of a field of ``width`` bytes, None if absent."""
        if slot >= len(self.offsets) or self.offsets[slot] == 0:
            return None
        offset: int = self.offsets[slot]
        if offset < 4 or offset + width > self._size:
            raise self.source.damaged(
                self.what, f"field {slot} lies outside its {self._size} bytes"
            )
        return self.position + offset

    def number(self, slot: int, dtype: str, default: int = 0) -> int:
        """Read a scalar of a NumPy dtype such as ``"<i4"``."""
        position = self.field(slot, np.dtype(dtype).itemsize)
        if position is None:
            return default
        return int(self.source.array(position, 1, dtype, self.what)[0])

    def target(self, slot: int) -> int | None:
        """Follow the offset in a field; None if the field is absent."""
        position = self.field(slot, 4)
        if position is None:
            return None
        return position + self.source.uint32(position, self.what)

    def vector(self, slot: int, dtype: str, *, charge: bool = True) -> npt.NDArray[Any]:
        """View a vector of scalars; an absent one is empty.

        ``charge=False`` is for data that stays a view, such as weights.
        """
        position = self.target(slot)
        if position is None:
            return np.empty(0, dtype)
        count = self.source.uint32(position, self.what)
        found = self.source.array(position + 4, count, dtype, self.what)
        if charge:
            self.source.charge(found.nbytes, self.what)
        return found

    def string(self, slot: int) -> str:
        """Read UTF-8 text; an absent one is empty, odd bytes become U+FFFD."""
        return self.vector(slot, "u1").tobytes().decode("utf-8", "replace")

    def table(self, slot: int, what: str) -> "Table | None":
        """Return the table in a field, None if absent."""
        position = self.target(slot)
        return None if position is None else Table(self.source, position, what)

    def tables(self, slot: int, what: str) -> Iterator["Table"]:
        """Yield the tables of a vector, one at a time, named ``what`` i."""
        offsets = self.vector(slot, "<u4")
        start = (self.target(slot) or 0) + 4
        for i, offset in enumerate(offsets):
            yield Table(self.source, start + 4 * i + int(offset), f"{what} {i}")
