"""Kernels compiled once, announced, and kept on disk by the content of all sources.

Numba's own key sees the function and its closure, not the intrinsics in other
files: an edit there would serve a stale kernel. So the key of a kernel on disk holds
``SOURCE``, a checksum of this folder and of llvmlite's version (numba.md 2.4), and
what Numba compiles for. Every factory closes over ``SOURCE`` too, for where Numba's own
cache serves: where machine_code.py cannot load objects.
"""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from qd8.kernels import disk, isa, machine_code
from qd8.kernels.source import FOLDER, SOURCE, checksum


class Kernel(NamedTuple):
    """A compiled ``void (int64, ...)``: most take (task, tasks, arguments).

    owner : keeps the machine code
    """

    name: str
    address: int
    owner: Any


_kernels: dict[tuple[object, ...], Kernel] = {}
_lock = threading.RLock()
listeners: list[Callable[[str, float], None]] = []
_announced = False


def kernel(
    factory: Callable[..., Callable[..., None]], *constants: int, arguments: int = 3
) -> Kernel:
    """The kernel that ``factory(SOURCE, *constants)`` describes, compiled.

    ``constants`` are integers: Numba never reuses a cached kernel whose closure
    holds a function (numba#6264).
    """
    key = (factory, *constants)
    if (found := _kernels.get(key)) is not None:
        return found
    with _lock:
        if (found := _kernels.get(key)) is None:
            found = _kernels[key] = _made(factory, constants, arguments)
        return found


def kernel_names() -> dict[int, str]:
    """What the kernels in this process are called, by address: for a profile to say."""
    names = {}
    for (factory, *_), made in [*_kernels.items()]:
        said = factory.__name__.removesuffix("factory").strip("_")  # type: ignore[attr-defined]
        names[made.address] = said or factory.__module__.rpartition(".")[2]
    return names


def _made(
    factory: Callable[..., Callable[..., None]],
    constants: tuple[int, ...],
    arguments: int,
) -> Kernel:
    if not machine_code.is_supported():
        return _by_numba(factory, constants, arguments)
    triple, cpu, features = isa.target()
    source = factory.__code__.co_filename
    known = os.path.dirname(source) == FOLDER
    elsewhere = 0 if known else checksum(source)
    said = (factory.__module__, factory.__qualname__, constants, arguments)
    key = repr((SOURCE, elsewhere, *said, triple, cpu, sorted(features)))
    name = factory.__name__.strip("_")
    if (kept := disk.read(name, key)) is not None:
        entry, _, content = kept.partition(b"\n")
        try:
            code = machine_code.load(content, entry.decode())
        except machine_code.Unsupported:
            pass  # of another version of this file; compile it anew
        else:
            return Kernel(name, code.address, code.memory)
    return _compiled(factory, constants, arguments, name, key)


def _compiled(
    factory: Callable[..., Callable[..., None]],
    constants: tuple[int, ...],
    arguments: int,
    name: str,
    key: str,
) -> Kernel:
    """Compile with Numba, and keep what can be loaded without it."""
    from qd8.kernels.compiler import Compiled

    function = factory(SOURCE, *constants)
    found = Compiled(function, arguments, _announce, listeners)
    found.compile()
    content, entry = found.machine_code, found.native_name
    try:
        code = machine_code.load(content, entry)
    except machine_code.Unsupported:
        return _by_numba(factory, constants, arguments)
    disk.write(name, key, entry.encode() + b"\n" + content)
    return Kernel(name, code.address, code.memory)


def _by_numba(
    factory: Callable[..., Callable[..., None]],
    constants: tuple[int, ...],
    arguments: int,
) -> Kernel:
    """Compile or load by Numba's own cache."""
    from qd8.kernels.compiler import Compiled, keep

    function = factory(SOURCE, *constants)
    found = Compiled(function, arguments, _announce, listeners)
    keep(found)
    found.compile()
    return Kernel(function.__name__, found.address, found)


def _announce(name: str) -> None:
    """Say once on stderr that a first call takes seconds, and why the next won't."""
    global _announced
    if not listeners and not _announced:
        _announced = True
        print(
            f"qd8: compiling kernels for this CPU (first: {name}); "
            + (
                "they are cached on disk for the next start"
                if disk.is_writable()
                else "no cache folder is writable, so this recurs at every start"
            ),
            file=sys.stderr,
        )
