"""A file inside a pickle: its bytes, or where it lies if that would be too much."""

import os
import zlib
from dataclasses import dataclass
from typing import Self

from qd8 import tflite

HUGE = 2**28  # bytes from which on a pickle names the path
SAMPLE = 2**20


@dataclass(frozen=True, slots=True)
class FileState:
    """What a pickle holds of a file.

    content : the whole of it, or None if ``name`` is a path to read
    size, check : bytes, and a CRC-32 of their beginning and end, of a file that is
        read again: another file would be another model
    """

    name: str
    content: bytes | None
    size: int
    check: int

    @classmethod
    def of(cls, file: tflite.File) -> Self:
        """Return the state of a file."""
        size = file.data.size
        if size < HUGE or file.mapped is None:
            return cls(file.name, file.data.tobytes(), size, 0)
        return cls(os.path.abspath(file.name), None, size, _check(file))

    def read(self) -> tflite.File:
        """Return the file again.

        Raises
        ------
        ValueError
            If another file has taken its place.
        OSError
            If it is not there any more.
        """
        if self.content is not None:
            return tflite.read(self.content, self.name)
        file = tflite.read(self.name)
        if (file.data.size, _check(file)) != (self.size, self.check):
            raise ValueError(
                f"{self.name} is not the file that was pickled: it has "
                f"{file.data.size} bytes, the other had {self.size}"
            )
        return file


def _check(file: tflite.File) -> int:
    """Return a CRC-32 of the first and last megabyte: tables and weights."""
    data = file.data
    return zlib.crc32(data[-SAMPLE:].tobytes(), zlib.crc32(data[:SAMPLE].tobytes()))
