"""Kernels as machine code: an object file of LLVM's, placed in memory and linked.

Numba compiles with the large code model, in which every reference is an absolute
64-bit address. So linking an object is adding addresses (R_X86_64_64 of the System V
ABI, AMD64 supplement); anything else is refused, and then Numba itself loads.

A kernel never raises. What Numba wraps around it to report an exception refers to
Python's and Numba's own functions; here they are C's ``abort``, and are not reached.
"""

import ctypes
import mmap
import platform
import struct
import sys
from functools import cache
from typing import Any, NamedTuple

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QIIq")
_SYMTAB, _RELA, _NOBITS = 2, 4, 8
_WRITE, _ALLOC = 1, 2
_UNDEFINED, _COMMON = 0, 0xFFF2
_ABSOLUTE_64 = 1
_MEMORY = frozenset({b"memcpy", b"memset", b"memmove"})
# Of the wrapper that would report an exception.
_REPORTING = frozenset(
    b"NRT_Free PyBytes_FromStringAndSize PyErr_Clear PyErr_SetNone PyErr_SetString "
    b"PyErr_WriteUnraisable PyExc_RuntimeError PyExc_StopIteration PyExc_SystemError "
    b"PyUnicode_FromString Py_DecRef numba_do_raise numba_gil_ensure "
    b"numba_gil_release numba_runtime_build_excinfo_struct numba_unpickle".split()
)


class Unsupported(ValueError):
    """An object that only Numba can load."""


class Code(NamedTuple):
    """Machine code in memory, executable for as long as ``memory`` lives."""

    address: int
    memory: Any


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int


def is_supported() -> bool:
    """Whether this process can load objects itself."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def load(content: bytes, entry: str) -> Code:
    """Place and link an object; return the address of the function ``entry``.

    Raises
    ------
    Unsupported
        If it is no such object, or refers to what is not known here.
    """
    try:
        return _load(content, entry.encode())
    except Unsupported:
        raise
    except (struct.error, IndexError, ValueError) as error:
        raise Unsupported(f"damaged object: {error}") from None


def _load(content: bytes, entry: bytes) -> Code:
    sections = _sections(content)
    places, size = _layout(sections)
    (table,) = (s for s in sections if s.type == _SYMTAB)
    names = sections[table.link].offset
    image = mmap.mmap(-1, size, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(image))
    for i, at in places.items():
        section = sections[i]
        image[at : at + section.size] = content[section.offset :][: section.size]
    symbols: dict[int, int] = {}
    found = 0
    rows = content[table.offset : table.offset + table.size]
    raw = list(_SYMBOL.iter_unpack(rows))
    for i, (name, _, _, home, value, _) in enumerate(raw):
        if home in places:
            symbols[i] = base + places[home] + value
            at = names + name
            if content[at : at + len(entry) + 1] == entry + b"\0":
                found = symbols[i]
    for section in sections:
        if section.type != _RELA or section.info not in places:
            continue
        rows = content[section.offset : section.offset + section.size]
        for offset, kind, symbol, addend in _RELOCATION.iter_unpack(rows):
            if kind != _ABSOLUTE_64:
                raise Unsupported(f"relocation of kind {kind}")
            if symbol not in symbols:
                name, _, _, home, _, _ = raw[symbol]
                text = content[names + name : content.index(b"\0", names + name)]
                symbols[symbol] = _outside(text, home)
            at = places[section.info] + offset
            image[at : at + 8] = struct.pack("<q", symbols[symbol] + addend)
    if not found:
        raise Unsupported(f"no function {entry.decode()}")
    read, execute = mmap.PROT_READ, mmap.PROT_EXEC
    if _library().mprotect(ctypes.c_void_p(base), size, read | execute) != 0:
        raise Unsupported("the system does not let memory become executable")
    return Code(found, image)


def _sections(content: bytes) -> list[_Section]:
    header = _HEADER.unpack_from(content)
    identity, kind, machine, offset, count = (header[i] for i in (0, 1, 2, 6, 12))
    if identity[:6] != b"\x7fELF\x02\x01" or kind != 1 or machine != 62:
        raise Unsupported("no relocatable x86-64 object")
    rows = content[offset : offset + count * _SECTION.size]
    if len(rows) != count * _SECTION.size:
        raise Unsupported("damaged object: it ends too early")
    return [_Section(*row) for row in _SECTION.iter_unpack(rows)]


def _layout(sections: list[_Section]) -> tuple[dict[int, int], int]:
    """Give each section that a program needs a place; return the size of all."""
    places, end = {}, 0
    for i, section in enumerate(sections):
        # Tables for unwinding serve exceptions, which kernels do not raise.
        unwinding = section.type == 0x70000001
        if not section.flags & _ALLOC or not section.size or unwinding:
            continue
        if section.flags & _WRITE or section.type == _NOBITS:
            raise Unsupported("an object with variables")
        alignment = max(section.alignment, 1)
        places[i] = -(-end // alignment) * alignment
        end = places[i] + section.size
    return places, max(end, 1)


def _outside(name: bytes, home: int) -> int:
    """Return the address of something that the object refers to."""
    if home == _UNDEFINED and name in _MEMORY:
        return _address(name.decode())
    if home == _UNDEFINED and name in _REPORTING:
        return _address("abort")
    if home == _COMMON and name.startswith(b"_ZN08NumbaEnv"):
        return _address("abort")  # where the report would find its Python objects
    raise Unsupported(f"it refers to {name.decode()}")


@cache
def _library() -> Any:
    return ctypes.CDLL(None)


@cache
def _address(name: str) -> int:
    return int(ctypes.cast(getattr(_library(), name), ctypes.c_void_p).value or 0)
