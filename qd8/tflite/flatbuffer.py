"""A flatbuffer, read by position; nothing in it is believed unchecked.

The accessors that flatc generates follow any offset and believe any length: a
patched file told them that it has 4294967280 buffers. Here every offset, vtable,
vector and string is compared with the file before it is used.

A second danger is sharing. Two offsets may point to one table, so that a file of
n bytes can describe n/4 tables of n/4 elements each. Every table, vector and
string is therefore charged to a budget that grows with the file; a file that
nests honestly stays far below it.

A model has thousands of tables of a few kinds. They are read by columns: a field of
all tensors at once, with NumPy. EfficientNetV2-B0's take 4 ms so, and 14 ms one by one.

Source: flatbuffers, "FlatBuffer Internals" (flatbuffers.dev/internals).
"""

import copy
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

# What a table costs as a Python object, in bytes of the budget.
TABLE_PRICE = 200
# Honest files spend at most 2.5 times their size: that is one of tables only. The
# smallest ones consist of nothing but tables of a few bytes.
BUDGET_PER_BYTE = 4
BUDGET = 2**16


class Source:
    """The bytes of one file, with checked reads.

    Parameters
    ----------
    data : (size,) uint8
        The whole file.
    name : str
        What errors call the file.
    """

    __slots__ = ("_budget", "_scalars", "data", "name", "size", "view")

    def __init__(self, data: Bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.size = data.size
        self.view = memoryview(data)  # type: ignore[arg-type]
        self._scalars: dict[str, npt.NDArray[Any]] = {}
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

    def charge(self, amounts: Positions, what: Callable[[int], str]) -> None:
        """Take from the budget; raise ValueError when it is spent, naming where."""
        before = self._budget
        self._budget -= int(amounts.sum())
        if self._budget < 0:
            raise self.damaged(
                what(int(np.argmax(np.cumsum(amounts) > before))),
                "tables and vectors overlap: they hold more than the whole file",
            )

    def array(
        self, position: int, count: int, dtype: npt.DTypeLike, what: str
    ) -> npt.NDArray[Any]:
        """View ``count`` elements at ``position``; no copy, possibly unaligned."""
        self.check(position, count * np.dtype(dtype).itemsize, what)
        return np.frombuffer(self.data, dtype, count, position)

    def everywhere(self, dtype: str) -> npt.NDArray[Any]:
        """View the scalar that begins at each byte, as far as one fits."""
        if dtype not in self._scalars:
            kind = np.dtype(dtype)
            count = max(self.size - kind.itemsize + 1, 0)
            self._scalars[dtype] = np.ndarray((count,), kind, self.data, strides=(1,))
        return self._scalars[dtype]

    def root(self) -> "Tables":
        """Return the table that the first four bytes point to."""
        at = self.array(0, 1, "<u4", "the root offset").astype(np.int64)
        return Tables(self, at, lambda _: "the model table")


class Tables:
    """Tables of one kind, each field read for all of them.

    Vtables are checked at once, each field when it is read. Fields are named by slot:
    the place in the schema, counted from 0 (a union takes two). An absent field has
    the schema's default.

    Parameters
    ----------
    source : Source
    positions : (n,) int64
    what : function of the place among the n
        What errors call a table.
    """

    __slots__ = ("_lengths", "_positions", "_sizes", "_vtables", "source", "what")

    def __init__(
        self, source: Source, positions: Positions, what: Callable[[int], str]
    ) -> None:
        self.source, self.what, self._positions = source, what, positions
        self._vtables = positions - self._gather(positions, "<i4")
        self._lengths = self._gather(self._vtables, "<u2").astype(np.int64)
        self._sizes = self._gather(self._vtables + 2, "<u2").astype(np.int64)
        lengths, sizes = self._lengths, self._sizes
        self._refuse(
            (lengths < 4) | (lengths % 2 != 0) | (sizes < 4),
            lambda i: f"its vtable has {lengths[i]} bytes and its fields {sizes[i]}",
        )
        self._check(self._vtables, lengths)
        self._check(positions, sizes)
        source.charge(lengths + sizes + TABLE_PRICE, what)

    def __len__(self) -> int:
        return int(self._positions.size)

    def __getitem__(self, i: int) -> "Tables":
        """Return the table i alone."""
        one, what = copy.copy(self), self.what
        for each in ("_positions", "_vtables", "_lengths", "_sizes"):
            setattr(one, each, getattr(self, each)[i : i + 1])
        one.what = lambda _: what(i)
        return one

    def numbers(self, slot: int, dtype: str, default: Any = 0) -> list[Any]:
        """Read scalars of a NumPy dtype such as ``"<i4"``."""
        at = self.fields(slot, np.dtype(dtype).itemsize)
        present = at > 0
        if present.all():
            return list(self._gather(at, dtype).tolist())
        found = [default] * at.size
        places = present.nonzero()[0]
        values = self._gather(at[places], dtype, places).tolist()
        for place, value in zip(places.tolist(), values, strict=True):
            found[place] = value
        return found

    def present(self, slot: int) -> list[bool]:
        """Say which tables have a field of 4 bytes, such as an offset."""
        return list((self.fields(slot, 4) > 0).tolist())

    def vectors(
        self, slot: int, width: int, *, charge: bool = True
    ) -> tuple[list[int], list[int]]:
        """Return where vectors begin, and how many elements of ``width`` bytes each
        has; an absent one is empty.

        ``charge=False`` is for data that stays a view, such as weights.
        """
        at = self.targets(slot)
        places = at.nonzero()[0]
        counts = np.zeros(at.size, np.int64)
        counts[places] = self._gather(at[places], "<u4", places)
        sizes = counts * width
        self._check((at + 4)[places], sizes[places], places)
        if charge:
            self.source.charge(sizes, self.what)
        return (at + 4).tolist(), counts.tolist()

    def integers(self, slot: int) -> list[tuple[int, ...]]:
        """Read vectors of int32."""
        view = self.source.view
        return [
            struct.unpack_from(f"<{count}i", view, start) if count else ()
            for start, count in zip(*self.vectors(slot, 4), strict=True)
        ]

    def arrays(self, slot: int, dtype: str) -> list[npt.NDArray[Any]]:
        """View vectors of scalars; an absent one is empty."""
        kind = np.dtype(dtype)
        data, absent = self.source.data, np.empty(0, kind)
        return [
            np.frombuffer(data, kind, count, start) if count else absent
            for start, count in zip(*self.vectors(slot, kind.itemsize), strict=True)
        ]

    def strings(self, slot: int) -> list[str]:
        """Read UTF-8 texts; an absent one is empty, odd bytes become U+FFFD."""
        view = self.source.view
        return [
            str(view[start : start + count], "utf-8", "replace") if count else ""
            for start, count in zip(*self.vectors(slot, 1), strict=True)
        ]

    def children(
        self, slot: int, what: Callable[[int], str], of: list[int] | None = None
    ) -> tuple[list[int], "Tables"]:
        """Return which tables have a table in a field, and those tables.

        ``what(i)`` names what the table i has; ``of`` asks for some tables only.
        """
        at = self.targets(slot)
        places = at.nonzero()[0]
        if of is not None:
            places = np.array([i for i in of if at[i]], np.int64)
        found = places.tolist()
        return found, Tables(self.source, at[places], lambda k: what(found[k]))

    def members(self, slot: int, what: str) -> "Tables":
        """Return the tables in the vector of the first table, named ``what`` i."""
        (start, *_), (count, *_) = self.vectors(slot, 4)
        if not count:
            start = 0  # the vector may be absent
        offsets = self.source.array(start, count, "<u4", self.what(0))
        at = offsets + (start + 4 * np.arange(count, dtype=np.int64))
        return Tables(self.source, at, lambda i: f"{what} {i}")

    def fields(self, slot: int, width: int) -> Positions:
        """Return where fields of ``width`` bytes are, 0 where they are absent."""
        within = 4 + 2 * slot
        places = (self._lengths >= within + 2).nonzero()[0]
        offsets = np.zeros(self._positions.size, np.int64)
        offsets[places] = self._gather(self._vtables[places] + within, "<u2", places)
        present = offsets > 0
        self._refuse(
            present & ((offsets < 4) | (offsets + width > self._sizes)),
            lambda i: f"field {slot} lies outside its {self._sizes[i]} bytes",
        )
        return (self._positions + offsets) * present

    def targets(self, slot: int) -> Positions:
        """Follow the offsets in a field; 0 where it is absent."""
        at = self.fields(slot, 4)
        places = at.nonzero()[0]
        at[places] += self._gather(at[places], "<u4", places)
        return at

    def _gather(
        self, positions: Positions, dtype: str, places: Positions | None = None
    ) -> npt.NDArray[Any]:
        """Read a scalar at each position; ``places`` says whose, if not everyone's."""
        everywhere = self.source.everywhere(dtype)
        # As unsigned numbers negative positions lie far outside too.
        if positions.size and positions.view(np.uint64).max() >= everywhere.size:
            width = everywhere.itemsize
            self._check(positions, np.full(positions.size, width), places)
        return everywhere[positions]

    def _check(
        self, positions: Positions, lengths: Positions, places: Positions | None = None
    ) -> None:
        """Raise ValueError unless all ranges lie inside the file."""
        outside = (positions < 0) | (positions + lengths > self.source.size)
        if outside.any():
            at = int(np.argmax(outside))
            place = at if places is None else int(places[at])
            self.source.check(int(positions[at]), int(lengths[at]), self.what(place))

    def _refuse(
        self, wrong: npt.NDArray[np.bool_], reason: Callable[[int], str]
    ) -> None:
        """Raise ValueError about the first table that is wrong."""
        if wrong.any():
            place = int(np.argmax(wrong))
            raise self.source.damaged(self.what(place), reason(place))
