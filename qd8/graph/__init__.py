"""A model as data, and what is done with it: precision, plan, run, inspect."""

from .inspect import inspect
from .model import Model, load

__all__ = ["Model", "inspect", "load"]
