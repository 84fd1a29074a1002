"""Damage files on purpose, knowing where their tables are.

Flipped weights make valid files; what kills readers are lengths, offsets, vtables
and indices. So the reader itself is watched while it reads an undamaged file, and
tells which bytes it looked at, and which of them are offsets or lengths.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from qd8 import tflite
from qd8.tflite import flatbuffer

# 32-bit numbers that have broken readers before.
HOSTILE = (
    0, 1, 2, 3, 4, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000,
    0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF0, 0x40000000, 0x3FFFFFFF,
)  # fmt: skip


@dataclass(frozen=True)
class Map:
    """Where the structure of a file is.

    inside : positions of all bytes of tables, vtables, vectors and strings; weights
        are outside
    offsets : positions of 32-bit offsets and lengths
    fields : (position, bytes) of numbers: indices, extents, scales, options, enums
    """

    inside: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    fields: npt.NDArray[np.int64]


def map_of(data: bytes) -> Map:
    """Watch the reader on a file, also on one that it refuses half way."""
    ranges: set[tuple[int, int]] = set()
    offsets: set[int] = set()
    fields: set[tuple[int, int]] = set()

    class Watched(flatbuffer.Tables):
        __slots__ = ()

        def __init__(
            self,
            source: flatbuffer.Source,
            positions: npt.NDArray[np.int64],
            what: Callable[[int], str],
        ) -> None:
            super().__init__(source, positions, what)
            ranges.update(zip(positions.tolist(), self._sizes.tolist(), strict=True))
            vtables, lengths = self._vtables.tolist(), self._lengths.tolist()
            ranges.update(zip(vtables, lengths, strict=True))

        def numbers(self, slot: int, dtype: str, default: Any = 0) -> list[Any]:
            size = np.dtype(dtype).itemsize
            fields.update((p, size) for p in self.fields(slot, size).tolist() if p)
            return super().numbers(slot, dtype, default)

        def targets(self, slot: int) -> npt.NDArray[np.int64]:
            offsets.update(p for p in self.fields(slot, 4).tolist() if p)
            return super().targets(slot)

        def vectors(
            self, slot: int, width: int, *, charge: bool = True
        ) -> tuple[list[int], list[int]]:
            found = super().vectors(slot, width, charge=charge)
            for start, count in zip(*found, strict=True):
                if count:
                    offsets.add(start - 4)
                    ranges.add((start - 4, 4))
                if charge:  # else weights
                    ranges.add((start, count * width))
                    fields.update((start + i * width, width) for i in range(count))
            return found

    watched = mock.patch.object(flatbuffer, "Tables", Watched)
    with watched, contextlib.suppress(ValueError):
        offsets.add(0)
        tflite.read(data)
    inside = {p for start, length in ranges for p in range(start, start + length)}
    return Map(
        np.array(sorted(inside or {0})),
        np.array(sorted(offsets or {0})),
        np.array(sorted(fields or {(0, 1)})),
    )


def mutate(data: bytes, where: Map, rng: np.random.Generator) -> tuple[bytes, str]:
    """Return a damaged copy and the names of what was done, 1 to 4 things."""
    damaged = bytearray(data)
    names = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3, 4]))):
        mutator = MUTATORS[int(rng.choice(len(MUTATORS), p=WEIGHTS))]
        if len(damaged) > 16:
            mutator(damaged, where, rng)
            names.append(mutator.__name__)
    return bytes(damaged), "+".join(names)


def flip_bits_in_tables(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    for position in rng.choice(where.inside, int(rng.integers(1, 9))):
        if position < len(data):
            data[position] ^= 1 << int(rng.integers(8))


def flip_bits_anywhere(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 9))):
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))


def set_bytes_in_tables(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    position = int(rng.choice(where.inside))
    for i in range(position, min(position + int(rng.integers(1, 5)), len(data))):
        data[i] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))


def set_field(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    """A number as wide as it is: small, near what it was, or hostile."""
    position, size = (int(n) for n in rng.choice(where.fields))
    old = int.from_bytes(data[position : position + size], "little")
    near = [old + 1, old - 1, old * 2, -old, 0, 1, 2, 3, -1, int(rng.integers(16))]
    choices = [*near, *HOSTILE]
    value = choices[int(rng.integers(len(choices)))] % 2 ** (8 * size)
    if position + size <= len(data):
        data[position : position + size] = value.to_bytes(size, "little")


def set_hostile_number(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    """In a table: an index, an extent, an enum."""
    position = int(rng.choice(where.inside)) & ~3
    _put(data, position, int(rng.choice(HOSTILE)))


def set_hostile_offset(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    """An offset or a length: hostile, to the end of the file, or to itself."""
    position = int(rng.choice(where.offsets))
    rest = len(data) - position
    choices = [*HOSTILE, rest, rest - 4, rest + 1, rest // 4, -position]
    _put(data, position, int(rng.choice(choices)))


def redirect_offset(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    """Let one offset point where another one does: shared or of a wrong kind."""
    a, b = (int(p) for p in rng.choice(where.offsets, 2))
    if b + 4 <= len(data):
        target = b + int.from_bytes(data[b : b + 4], "little")
        _put(data, a, target - a)


def truncate(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(data)))
    if rng.random() < 0.5:
        at = int(rng.choice(where.inside)) + 1
    del data[at:]


def splice_in_tables(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    """Copy a range of structure over another."""
    source, target = (int(p) for p in rng.choice(where.inside, 2))
    length = int(rng.integers(1, 64))
    piece = data[source : source + length]
    data[target : target + len(piece)] = piece


def swap_ranges(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    a, b = sorted(int(p) for p in rng.choice(where.inside, 2))
    length = min(int(rng.integers(1, 64)), b - a, max(len(data) - b, 0))
    data[a : a + length], data[b : b + length] = (
        data[b : b + length],
        data[a : a + length],
    )


def insert_or_delete(data: bytearray, where: Map, rng: np.random.Generator) -> None:
    """Shift everything behind a place by a few bytes."""
    at = int(rng.integers(len(data)))
    length = int(rng.integers(1, 17))
    if rng.random() < 0.5:
        data[at:at] = rng.integers(0, 256, length, np.uint8).tobytes()
    else:
        del data[at : at + length]


def _put(data: bytearray, position: int, value: int) -> None:
    if position + 4 <= len(data):
        data[position : position + 4] = (value % 2**32).to_bytes(4, "little")


Mutator = Callable[[bytearray, Map, np.random.Generator], None]
# Of 100: more than three quarters in tables.
_TABLE: dict[Mutator, int] = {
    set_field: 30,
    flip_bits_in_tables: 12,
    set_bytes_in_tables: 8,
    set_hostile_number: 10,
    set_hostile_offset: 10,
    redirect_offset: 6,
    splice_in_tables: 4,
    swap_ranges: 4,
}
_ANYWHERE: dict[Mutator, int] = {
    flip_bits_anywhere: 8,
    truncate: 4,
    insert_or_delete: 4,
}
MUTATORS = [*_TABLE, *_ANYWHERE]
WEIGHTS = np.array([*_TABLE.values(), *_ANYWHERE.values()]) / 100
IN_TABLES = {mutator.__name__ for mutator in _TABLE}
