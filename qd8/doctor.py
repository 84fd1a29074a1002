"""What decides how qd8 runs here: versions, CPU, tiers, threads, kernel cache."""

import importlib.metadata
import json as json_format
import os
import platform
import sys
from pathlib import Path
from typing import Any

import qd8
from qd8 import settings
from qd8.kernels import cores, disk, isa, team

PACKAGES = ("numba", "llvmlite", "numpy", "tflite", "flatbuffers", "rich")
OPTIONAL = ("ai-edge-litert", "matplotlib")
#: Features with which a CPU adds and multiplies float16 without widening it.
FP16_FEATURES = ("avx512fp16", "fullfp16")
PREFIXES = ("QD8_", "NUMBA_", "OMP_", "KMP_", "GOMP_", "MKL_NUM")


def show_versions(*, json: bool = False) -> None:
    """Print what a report of a problem should hold; ``json`` for a program to read."""
    found = report()
    print(json_format.dumps(found, indent=1) if json else _text(found))


def report() -> dict[str, Any]:
    """Return what `show_versions` prints, as plain dicts, lists and strings.

    A setting that does not work (QD8_ISA) is reported, not raised.
    """
    triple, cpu, _ = isa.target()
    tier, problem = _current_tier()
    return {
        "qd8": qd8.__version__,
        "numerics_version": qd8.NUMERICS_VERSION,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": packages(),
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "compiles_for": {"cpu": cpu, "triple": triple},
        "native_fp16": native_fp16(),
        "tiers": {t.name: isa.obstacle(t.name) or "runs" for t in isa.TIERS},
        "tier": tier,
        "problem": problem,
        "threads": {
            "default": settings.get_num_threads(),
            "available": cores.available_threads(),
            "workers": team.workers(),
        },
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(PREFIXES)
        },
        "kernel_cache": kernel_cache(),
    }


def packages() -> dict[str, str | None]:
    """Return the versions of the packages that matter; None is not installed."""
    return {name: _version(name) for name in (*PACKAGES, *OPTIONAL)}


def cpu_name() -> str:
    """Return the CPU's own name, or its architecture where the system tells no more."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def native_fp16() -> str:
    """Return the feature with which this CPU computes in float16, empty if none."""
    enabled = isa.target()[2]
    return next((name for name in FP16_FEATURES if name in enabled), "")


def fp16_sentence() -> str:
    """Say whether this CPU computes in float16, and what qd8 does about it."""
    feature = native_fp16()
    can = (
        f"computes in fp16 natively ({feature})"
        if feature
        else ("does not compute in fp16 natively")
    )
    return (
        f"This CPU {can}; in qd8 float16 is storage and arithmetic is fp32, so the "
        "bits are the same either way (C4)."
    )


def kernel_cache() -> dict[str, Any]:
    """Return the folder of compiled kernels, how many files it holds and their bytes.

    The first folder that holds any, or that could; None where there is none.
    """
    folders = list(disk.folders())
    for folder in folders:
        # Those of other sources and CPUs count too.
        files = Path(folder).glob(f"*{disk.SUFFIX}")
        sizes = [path.stat().st_size for path in files]
        if sizes:
            break
    else:
        return {"folder": folders[0], "files": 0, "bytes": 0}
    return {"folder": folder, "files": len(sizes), "bytes": sum(sizes)}


def _current_tier() -> tuple[str | None, str | None]:
    """Return the tier's name, and what is wrong with QD8_ISA if something is."""
    try:
        return isa.current().name, None
    except (ValueError, RuntimeError) as error:
        return None, str(error)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _text(found: dict[str, Any]) -> str:
    """Write the report for a person."""
    target, threads, kernels = (
        found[key] for key in ("compiles_for", "threads", "kernel_cache")
    )
    versions = ", ".join(
        f"{name} {version or 'not installed'}"
        for name, version in found["packages"].items()
    )
    tiers = [f"{name}: {state}" for name, state in found["tiers"].items()]
    environment = [f"{name}={value}" for name, value in found["environment"].items()]
    folder = kernels["folder"] or "not known before a kernel is compiled"
    lines = [
        ("qd8", f"{found['qd8']}, numerics version {found['numerics_version']}"),
        ("Python", f"{found['python']}, {sys.executable}"),
        ("packages", versions),
        ("system", found["system"]),
        ("CPU", f"{found['cpu']}; {found['cpus']} logical CPUs"),
        ("Numba compiles for", f"{target['cpu']} ({target['triple']})"),
        ("tiers", "\n".join(tiers)),
        ("tier in use", found["tier"] or f"none: {found['problem']}"),
        (
            "threads",
            f"{threads['default']} by default; {threads['available']} may be used; "
            f"{threads['workers']} workers beside the callers so far",
        ),
        ("environment", "\n".join(environment) or "nothing set that matters"),
        ("kernel cache", f"{folder}\n{_size(kernels)}"),
        ("float16", fp16_sentence()),
        (
            "fork",
            "A forked child starts threads of its own when it needs them.",
        ),
    ]
    width = max(len(key) for key, _ in lines)
    text = []
    for key, value in lines:
        first, *rest = value.split("\n")
        text.append(f"{key:<{width}}  {first}")
        text += [f"{'':<{width}}  {line}" for line in rest]
    return "\n".join(text)


def _size(kernels: dict[str, Any]) -> str:
    return f"{kernels['files']} compiled functions, {kernels['bytes'] / 1e6:.1f} MB"
