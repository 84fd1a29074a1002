"""A checksum of all that kernels are made of, for the keys of those on disk."""

import os
import zlib

from qd8.kernels import simd

FOLDER = os.path.dirname(__file__)


def checksum(path: str, value: int = 0) -> int:
    """Return the CRC of a file, going on from ``value``."""
    with open(path, "rb") as file:
        return zlib.crc32(file.read(), value)


def _of_folder() -> int:
    value = zlib.crc32(simd.LLVMLITE_VERSION.encode())
    for name in sorted(os.listdir(FOLDER)):
        if name.endswith(".py"):
            value = zlib.crc32(name.encode(), value)
            value = checksum(os.path.join(FOLDER, name), value)
    return value


SOURCE = _of_folder()
