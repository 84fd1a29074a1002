"""What Numba compiles for on this machine, remembered: LLVM need not be asked again."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from qd8.kernels import disk

Target = tuple[str, str, str]  # triple, name of the CPU, features
# What Linux says of a CPU and LLVM goes by.
_SAID = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
_ASKED = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_OPT")


def remembered(ask: Callable[[], Target]) -> Target:
    """Return what ``ask`` answered on this machine, asking if that is not known."""
    known = fingerprint()
    if known is None:
        return ask()
    name = f"target-{known}"
    if (kept := disk.read(name)) is not None:
        triple, cpu, features = json.loads(kept)
        return triple, cpu, features
    found = ask()
    disk.write(name, json.dumps(found).encode())
    return found


def fingerprint() -> str | None:
    """Name this CPU, these versions and settings; None where that cannot be told."""
    if Path(".numba_config.yaml").exists():  # Numba's settings may be there
        return None
    try:
        said = _cpu()
    except OSError:
        return None
    packages = [version(name) for name in ("numba", "llvmlite")]
    asked = [os.environ.get(name) for name in _ASKED]
    parts = [said, packages, asked, platform.machine(), sys.version]
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


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
