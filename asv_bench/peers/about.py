"""On what numbers were measured: the machine, the system and the versions."""

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from typing import Any

import qd8
from qd8 import doctor

PACKAGES = ("ai-edge-litert", "onnxruntime", "onnx", "ncnn", "openvino", "numba")


def circumstances(seen: str) -> dict[str, Any]:
    """Return what belongs beside numbers; ``seen`` says which CPU the engines saw."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": doctor.cpu_name(),
        "seen": seen,
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "qd8": qd8.__version__,
        "numerics_version": qd8.NUMERICS_VERSION,
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    """Versions of what is installed."""
    found = {name: v for name, v in doctor.packages().items() if v}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
