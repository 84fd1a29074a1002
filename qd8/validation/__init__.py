"""The one room that may import both `qd8` and `qd8_reference`."""

from .reference import run_reference

__all__ = ["run_reference"]
