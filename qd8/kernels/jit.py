"""Numba at one remove: what is compiled already needs no compiler in the process.

Importing Numba and LLVM takes 65 MB and 0.3 s. Kernels are decorated by the names
below, which import them when something must be compiled; a process whose kernels are
all on disk (cache.py) never does.
"""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from importlib import import_module
from typing import Any

from qd8.deferred import Deferred

types = Deferred("numba.core.types")
cgutils = Deferred("numba.core.cgutils")


class _Deferred:
    """A function for Numba to compile into its callers, known to it by its type."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self.py_func, self._options = function, options


class _Compiled(_Deferred):
    @cached_property
    def made(self) -> Any:
        """Numba's dispatcher."""
        return import_module("numba").njit(**self._options)(self.py_func)

    @cached_property
    def _numba_type_(self) -> Any:
        return import_module("numba").typeof(self.made)

    def __call__(self, *args: Any) -> Any:
        return self.made(*args)


class _Intrinsic(_Deferred):
    @cached_property
    def _numba_type_(self) -> Any:
        # What numba.extending.intrinsic registers for its own handle.
        templates = import_module("numba.core.typing.templates")
        template = templates.make_intrinsic_template(
            self, self.py_func, self.__name__, **self._options
        )
        return import_module("numba.core.types").Function(template)


def njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """As ``numba.njit``."""
    if function is None:
        return lambda given: _Compiled(given, options)
    return _Compiled(function, options)


def intrinsic(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """As ``numba.extending.intrinsic``."""
    if function is None:
        return lambda given: _Intrinsic(given, options)
    return _Intrinsic(function, options)
