"""A checksum of all that kernels are made of, for the keys of those on disk.

Reading a hundred files takes 3 ms of every start, so the checksum is remembered by
their sizes and times, as Python remembers what it has compiled.
"""

import os
import zlib

from qd8.kernels import disk, host

FOLDER = os.path.dirname(__file__)


def checksum(path: str, value: int = 0) -> int:
    """Return the CRC of a file, going on from ``value``."""
    with open(path, "rb") as file:
        return zlib.crc32(file.read(), value)


def of_folder(folder: str) -> int:
    """Return the CRC of all sources in a folder, their names and llvmlite's version."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
    stats = [os.stat(os.path.join(folder, name)) for name in names]
    known = repr([(s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in stats])
    known = repr((folder, names, known, host.version("llvmlite")))
    if (kept := disk.read("source", known)) is not None:
        return int(kept)
    value = zlib.crc32(host.version("llvmlite"))
    for name in names:
        value = zlib.crc32(name.encode(), value)
        value = checksum(os.path.join(folder, name), value)
    disk.write("source", known, str(value).encode())
    return value


SOURCE = of_folder(FOLDER)
