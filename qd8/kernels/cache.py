"""Kernels compiled once, announced, and cached on disk by the content of all sources.

Numba's own key sees the function and its closure, not the intrinsics in other
files: an edit there would serve a stale kernel. So every factory closes over
``SOURCE``, a checksum of this folder and of llvmlite's version (numba.md 2.4).
"""

import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from numba import types
from numba.core import sigutils
from numba.core.ccallback import CFunc

from qd8.kernels import simd


def _checksum() -> int:
    value = zlib.crc32(simd.LLVMLITE_VERSION.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        value = zlib.crc32(path.read_bytes(), zlib.crc32(path.name.encode(), value))
    return value


SOURCE = _checksum()
_SIGNATURE = sigutils.normalize_signature(
    types.void(types.int64, types.int64, types.int64)
)
_OPTIONS = {"error_model": "numpy"}
_kernels: dict[tuple[object, ...], "Kernel"] = {}
_lock = threading.RLock()
listeners: list[Callable[[str, float], None]] = []


class Kernel(CFunc):
    """A compiled ``void (int64 task, int64 tasks, int64 arguments)``."""

    kept = False  # on disk

    def _compile_uncached(self):
        name = self._pyfunc.__name__
        if not listeners:
            _announce(name, self.kept)
        start = time.perf_counter()
        result = super()._compile_uncached()
        for listener in listeners:
            listener(name, time.perf_counter() - start)
        return result


def keep(function) -> bool:
    """Give a compiled function its place on disk; False where no folder is writable.

    A read-only image without a home must still compute: then it compiles each time.
    """
    try:
        function.enable_caching()
    except RuntimeError:  # Numba's "no locator available"
        return False
    return True


_announced = False


def _announce(name: str, kept: bool) -> None:
    """Say once on stderr that a first call takes seconds, and why the next won't."""
    global _announced
    if not _announced:
        _announced = True
        print(
            f"qd8: compiling kernels for this CPU (first: {name}); "
            + (
                "they are cached on disk for the next start"
                if kept
                else "no cache folder is writable, so this recurs at every start"
            ),
            file=sys.stderr,
        )


def kernel(factory: Callable[..., Callable], *constants: int) -> Kernel:
    """The kernel that ``factory(SOURCE, *constants)`` describes, compiled.

    ``constants`` are integers: Numba never reuses a cached kernel whose closure
    holds a function (numba#6264).
    """
    key = (factory, *constants)
    if (found := _kernels.get(key)) is not None:
        return found
    with _lock:
        if (found := _kernels.get(key)) is None:
            found = Kernel(factory(SOURCE, *constants), _SIGNATURE, {}, _OPTIONS)
            found.kept = keep(found)
            found.compile()
            _kernels[key] = found
        return found
