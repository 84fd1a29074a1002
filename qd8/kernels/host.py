"""What Numba compiles for on this machine, remembered: LLVM need not be asked again.

It is remembered by what CPUID answers in this very process, because that is what LLVM
goes by: an emulator, or a supervisor that hides instructions, leaves /proc as it is.
"""

import ctypes
import mmap
import os
import platform
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

from qd8.kernels import disk

Target = tuple[str, str, str]  # triple, name of the CPU, features
# What Linux says of a CPU and LLVM goes by.
_SAID = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
# void (uint32 leaf, uint32 subleaf, uint32 answer[4]) in the System V ABI: push rbx;
# eax = edi; ecx = esi; r8 = rdx; cpuid; [r8] = eax, ebx, ecx, edx; pop rbx; ret.
_CPUID = bytes.fromhex(
    "53 89f8 89f1 4989d0 0fa2 418900 41895804 41894808 4189500c 5b c3"
)
# (leaf, subleaf, registers) that LLVM's Host.cpp reads; EBX of leaf 1 names the core.
_LEAVES = (
    *((leaf, 0, (0, 1, 2, 3)) for leaf in (0, 0x80000001, 0x80000002, 0x80000008)),
    *((leaf, subleaf, (0, 1, 2, 3)) for leaf, subleaf in ((7, 0), (7, 1))),
    *((leaf, subleaf, (0, 2, 3)) for leaf, subleaf in ((1, 0), (0x14, 0))),
    *((leaf, subleaf, (0,)) for leaf, subleaf in ((0xD, 1), (0x19, 0))),
)
_ASKED = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_OPT")


def remembered(ask: Callable[[], Target]) -> Target:
    """Return what ``ask`` answered on this machine, asking if that is not known."""
    known = fingerprint()
    if known is None:
        return ask()
    if (kept := disk.read("target", known)) is not None:
        triple, cpu, features = kept.decode().split("\n")
        return triple, cpu, features
    found = ask()
    disk.write("target", known, "\n".join(found).encode())
    return found


def fingerprint() -> str | None:
    """Describe this CPU, these versions and settings; None where they are unknown."""
    if os.path.exists(".numba_config.yaml"):  # Numba's settings may be there
        return None
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    try:
        said = [_cpu(), cpuid()]
    except OSError:
        return None
    packages = [version(name) for name in ("numba", "llvmlite")]
    asked = [os.environ.get(name) for name in _ASKED]
    return repr([said, packages, asked, platform.machine(), sys.version])


def cpuid() -> list[int]:
    """Return what the CPU answers this process, as far as LLVM asks.

    Raises
    ------
    OSError
        If memory may not become executable here.
    """
    code = mmap.mmap(-1, len(_CPUID), prot=mmap.PROT_READ | mmap.PROT_WRITE)
    code[:] = _CPUID
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    read_execute = mmap.PROT_READ | mmap.PROT_EXEC
    pages = ctypes.c_void_p(address), ctypes.c_size_t(len(code)), read_execute
    if ctypes.CDLL(None).mprotect(*pages) != 0:
        raise OSError("memory may not become executable")
    answer = (ctypes.c_uint32 * 4)()
    ask = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
    found = []
    for leaf, subleaf, registers in _LEAVES:
        ask(address)(leaf, subleaf, ctypes.addressof(answer))
        found += [answer[i] for i in registers]
    return found


@cache
def version(package: str) -> bytes:
    """Return the file in which versioneer says a package's version, without importing.

    importlib.metadata takes 10 ms of imports of its own.
    """
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    with open(f"{spec.submodule_search_locations[0]}/_version.py", "rb") as file:
        return file.read()


def _cpu() -> list[str]:
    """Return what Linux says of the first CPU."""
    found = []
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.strip():
                break
            if line.partition("\t")[0].partition(":")[0].strip() in _SAID:
                found.append(line)
    return found
