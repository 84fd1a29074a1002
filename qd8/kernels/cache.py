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
from importlib import import_module
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


Factory = Callable[..., Callable[..., None]]
_kernels: dict[tuple[object, ...], Kernel] = {}
_lock = threading.RLock()
_PACKAGE = __name__.rpartition(".")[0]
listeners: list[Callable[[str, float], None]] = []
_announced = False


def kernel(factory: Factory | str, *constants: int, arguments: int = 3) -> Kernel:
    """The kernel that ``factory(SOURCE, *constants)`` describes, compiled.

    factory : a function of a module, or "gemm.fully_connected" for one of this folder,
        whose module is then imported only if the kernel must be compiled
    constants : integers, since Numba never reuses a cached kernel whose closure holds
        a function (numba#6264)
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
        module, function, _ = _described(factory)  # type: ignore[arg-type]
        said = function.rpartition(".")[2].removesuffix("factory").strip("_")
        names[made.address] = said or module.rpartition(".")[2]
    return names


def _described(factory: Factory | str) -> tuple[str, str, int]:
    """Module and name of a factory, and a checksum of a file that SOURCE leaves out."""
    if isinstance(factory, str):
        module, _, name = factory.rpartition(".")
        return f"{_PACKAGE}.{module}", name, 0
    source = factory.__code__.co_filename
    elsewhere = 0 if os.path.dirname(source) == FOLDER else checksum(source)
    return factory.__module__, factory.__qualname__, elsewhere


def _function(factory: Factory | str) -> Factory:
    if not isinstance(factory, str):
        return factory
    module, name, _ = _described(factory)
    found: Factory = getattr(import_module(module), name)
    return found


def _made(factory: Factory | str, constants: tuple[int, ...], arguments: int) -> Kernel:
    if not machine_code.is_supported():
        return _by_numba(factory, constants, arguments)
    triple, cpu, features = isa.target()
    module, function, elsewhere = _described(factory)
    said = (module, function, constants, arguments)
    key = repr((SOURCE, elsewhere, *said, triple, cpu, sorted(features)))
    name = function.rpartition(".")[2].strip("_")
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
    factory: Factory | str,
    constants: tuple[int, ...],
    arguments: int,
    name: str,
    key: str,
) -> Kernel:
    """Compile with Numba, and keep what can be loaded without it."""
    from qd8.kernels.compiler import Compiled

    function = _function(factory)(SOURCE, *constants)
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
    factory: Factory | str, constants: tuple[int, ...], arguments: int
) -> Kernel:
    """Compile or load by Numba's own cache."""
    from qd8.kernels.compiler import Compiled, keep

    function = _function(factory)(SOURCE, *constants)
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
