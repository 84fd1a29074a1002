"""Kernels compiled by Numba: the only place where one is made, and loaded by LLVM."""

import time
from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import sigutils
from numba.core.ccallback import CFunc

from qd8.kernels.source import SOURCE

_OPTIONS = {"error_model": "numpy"}


class Compiled(CFunc):
    """A compiled ``void (int64, ...)``, by Numba's own means.

    Parameters
    ----------
    function : what to compile
    arguments : how many int64 it takes
    compiling : called with the name before it is compiled
    listeners : called with the name and the seconds afterwards
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: int = 3,
        compiling: Callable[[str], None] = lambda name: None,
        listeners: list[Callable[[str, float], None]] | None = None,
    ) -> None:
        signature = types.void(*[types.int64] * arguments)
        super().__init__(
            function, sigutils.normalize_signature(signature), {}, _OPTIONS
        )
        self._compiling, self._listeners = compiling, listeners or []

    def _compile_uncached(self) -> Any:
        name = self._pyfunc.__name__
        self._compiling(name)
        start = time.perf_counter()
        result = super()._compile_uncached()
        for listener in self._listeners:
            listener(name, time.perf_counter() - start)
        return result

    @property
    def machine_code(self) -> bytes:
        """The object file that LLVM made."""
        return bytes(self._library._get_compiled_object())

    @property
    def assembly(self) -> str:
        """Its assembly; empty if Numba found it on disk."""
        return str(self._library.get_asm_str())


def compiled(factory: Callable[..., Any], *constants: int) -> Compiled:
    """Compile a kernel anew, whatever is on disk, to look at its assembly."""
    found = Compiled(factory(SOURCE, *constants))
    found.compile()
    return found


def keep(function: Any) -> bool:
    """Give a function its place in Numba's own cache; False where none is writable.

    A read-only image without a home must still compute: then it compiles each time.
    """
    try:
        function.enable_caching()
    except RuntimeError:  # Numba's "no locator available"
        return False
    return True
