"""Where compiled kernels are kept between processes: files that are whole or absent.

Each file begins with a checksum of the rest, and is written under another name first,
so that a reader finds all of a file or nothing. The folders are Numba's own choice:
NUMBA_CACHE_DIR if it is set, else beside the sources, else the user's cache.
"""

import contextlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

_MAGIC = b"qd8\0"
SUFFIX = ".qd8"


def folders() -> Iterator[Path]:
    """Where a file may lie, first choice first."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(given) / "qd8"
        return
    yield Path(__file__).parent / "__pycache__"
    with contextlib.suppress(RuntimeError):  # no home
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        yield Path(home) / "qd8"


def read(name: str) -> bytes | None:
    """Return what was kept under a name, or None if there is nothing whole."""
    for folder in folders():
        try:
            raw = (folder / (name + SUFFIX)).read_bytes()
        except OSError:
            continue
        if raw[:4] == _MAGIC and raw[4:8] == _checksum(raw[8:]):
            return raw[8:]
    return None


def write(name: str, content: bytes) -> Path | None:
    """Keep ``content``; return its folder, or None where none is writable."""
    raw = _MAGIC + _checksum(content) + content
    for folder in folders():
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(".new", name, folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(raw)
                os.replace(temporary, folder / (name + SUFFIX))
            except OSError:
                os.unlink(temporary)
                raise
            return folder
    return None


def is_writable() -> bool:
    """Whether there is a folder in which something could be kept."""
    for folder in folders():
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            return True
    return False


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")
