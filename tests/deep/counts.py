"""What both counts share: unequal elements, and a file that an interruption leaves."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.checks import unequal_bits


def differing(expected: np.ndarray, actual: np.ndarray) -> int:
    """Count unequal elements; another dtype or shape makes all of them unequal."""
    if (expected.dtype, expected.shape) != (actual.dtype, actual.shape):
        return max(expected.size, 1)
    return int(unequal_bits(expected, actual).sum())


def resumed(path: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the counts of an interrupted run of the very same settings."""
    if not path.exists():
        return []
    saved = json.loads(path.read_text())
    if saved["settings"] != settings:
        sys.exit(f"{path} was counted with other settings: {saved['settings']}")
    return list(saved["counts"])


def save(path: Path, settings: dict[str, Any], counts: Sequence[Any]) -> None:
    """Write the counts so that the file is either the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(count) for count in counts]
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=path.name, suffix=".tmp", delete=False
    ) as file:
        json.dump({"settings": settings, "counts": rows}, file, indent=1)
    os.replace(file.name, path)
