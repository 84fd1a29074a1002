"""Where what was compiled is kept between processes: files that are whole or absent.

Each file begins with a checksum of the rest and with the key of what it holds, and is
written under another name first, so that a reader finds all of a file or nothing. The
folders are Numba's own choice: NUMBA_CACHE_DIR if it is set, else beside the sources,
else the user's cache.

Every start of a process reads here, so what only a writer needs is imported there, and
`os.path` serves instead of pathlib, which takes 4 ms to import (hashlib, for names that
no key needs to prove, took 10).
"""

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator

_MAGIC = b"qd8\1"
_HEADER = struct.Struct("<4sII")  # magic, checksum of what follows it, bytes of the key
SUFFIX = ".qd8"


def folders() -> Iterator[str]:
    """Where a file may lie, first choice first."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield os.path.join(given, "qd8")
        return
    yield os.path.join(os.path.dirname(__file__), "__pycache__")
    home = os.path.expanduser("~")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    if os.path.isabs(cache):  # else there is no home
        yield os.path.join(cache, "qd8")


def read(name: str, key: str) -> bytes | None:
    """Return what was kept under a key, or None if there is nothing whole.

    ``name`` is what its file's name begins with, for people to read.
    """
    wanted = key.encode()
    for folder in folders():
        try:
            with open(os.path.join(folder, _file(name, wanted)), "rb") as file:
                raw = file.read()
        except OSError:
            continue
        if len(raw) < _HEADER.size:
            continue
        magic, check, length = _HEADER.unpack_from(raw)
        if magic != _MAGIC or check != zlib.crc32(memoryview(raw)[8:]):
            continue
        begin = _HEADER.size + length
        if raw[_HEADER.size : begin] == wanted:
            return raw[begin:]
    return None


def write(name: str, key: str, content: bytes) -> str | None:
    """Keep ``content``; return its folder, or None where none is writable."""
    import tempfile

    known = key.encode()
    rest = struct.pack("<I", len(known)) + known + content
    raw = _MAGIC + struct.pack("<I", zlib.crc32(rest)) + rest
    for folder in folders():
        with contextlib.suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            handle, temporary = tempfile.mkstemp(".new", name, folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(raw)
                os.replace(temporary, os.path.join(folder, _file(name, known)))
            except OSError:
                os.unlink(temporary)
                raise
            return folder
    return None


def is_writable() -> bool:
    """Whether there is a folder in which something could be kept."""
    import tempfile

    for folder in folders():
        with contextlib.suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            return True
    return False


def _file(name: str, key: bytes) -> str:
    """Name the file of a key; of two keys that share a name it holds the last."""
    return f"{name}-{zlib.crc32(key):08x}{SUFFIX}"
