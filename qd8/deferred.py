"""Modules that are imported when something of them is needed.

A process that loads a model waits some 0.1 ms for each module; what only compiles, or
only binds calls, is imported by whoever first does that.
"""

from importlib import import_module
from typing import Any


class Deferred:
    """Stands for a module; its attributes are those of the module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
