"""Frozen dataclasses that take a quarter of the usual time to define.

A process that loads a model defines thirty records. `dataclasses.dataclass` compiles
six methods for each of them, which takes 15 ms of such a process' start; here only
``__init__`` is compiled, and the other methods, shared by all, read the fields.
"""

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Any

__all__ = ["field", "record"]

_put = object.__setattr__

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen, slots=False, eq=True, kw_only=False):
        """As `dataclasses.dataclass` with these options; ``frozen`` is always True."""
        assert frozen
        options = {"init": False, "repr": False, "eq": False, "kw_only": kw_only}
        plain = dataclass(slots=slots, **options)
        methods = _SHARED | (_BY_VALUE if eq else {}) | (_OF_SLOTS if slots else {})

        def made(given):
            cls = plain(given)
            cls.__init__ = _init(cls, slots)
            for name, method in methods.items():
                if name not in given.__dict__:
                    setattr(cls, name, method)
            return cls

        return made


def _init(cls: type, slots: bool) -> Any:
    """Compile the method that sets fields from arguments or defaults.

    A slot's own ``__set__`` takes two thirds of the time of ``object.__setattr__``.
    """
    scope: dict[str, Any] = {"put": _put, "MISSING": MISSING}
    places, keywords, body = ["self"], ["*"], []
    for each in fields(cls):
        argument = value = name = each.name
        if each.default is not MISSING:
            argument, scope[f"_{name}"] = f"{name}=_{name}", each.default
        elif each.default_factory is not MISSING:
            argument, scope[f"_{name}"] = f"{name}=MISSING", each.default_factory
            value = f"_{name}() if {name} is MISSING else {name}"
        (keywords if each.kw_only else places).append(argument)
        if slots:
            scope[f"set_{name}"] = getattr(cls, name).__set__
        setting = f"set_{name}(self, " if slots else f"put(self, {name!r}, "
        body.append(f"    {setting}{value})")
    arguments = places + (keywords if len(keywords) > 1 else [])
    exec("\n".join([f"def __init__({', '.join(arguments)}):", *body]), scope)
    return scope["__init__"]


def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, f.name) for f in fields(self))


def _eq(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *_: Any) -> None:
    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")


def _restore(self: Any, state: tuple[Any, ...]) -> None:
    """Take the fields of a pickle or a copy."""
    for each, value in zip(fields(self), state, strict=True):
        _put(self, each.name, value)


_SHARED = {"__repr__": _repr, "__setattr__": _refuse, "__delattr__": _refuse}
_BY_VALUE = {"__eq__": _eq, "__hash__": _hash}
_OF_SLOTS = {"__getstate__": _values, "__setstate__": _restore}
