"""What a process that loads a model must not import: it waits for each of these."""

import subprocess
import sys

import pytest

from tests.processes import ROOT

DIGITS = ROOT / "qd8/data/digits/digits_drq.tflite"
# Compilers; what writes files; what only tables, errors and pickles need.
UNNEEDED = (
    *("numba", "llvmlite.binding", "tflite", "flatbuffers", "rich", "pathlib"),
    *("hashlib", "tempfile", "difflib", "html", "json", "statistics"),
    *("qd8.tflite.writing", "qd8.graph.profile", "qd8.graph.file_state"),
)
LOAD = """
import sys
import numpy as np
known = set(sys.modules)
import qd8
model = qd8.load(sys.argv[1])
model(np.zeros(model.inputs[0].shape, np.float32))
print(*sorted(set(sys.modules) - known))
"""


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Return the modules that a load and a call bring in, their kernels on disk."""
    command = [sys.executable, "-c", LOAD, str(DIGITS)]
    for _ in range(2):  # the first process may have to compile
        found = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=ROOT
        )
    return set(found.stdout.split())


@pytest.mark.skipif(sys.platform != "linux", reason="kernels need Numba elsewhere")
@pytest.mark.parametrize("module", UNNEEDED)
def test_a_load_does_not_import(imported: set[str], module: str) -> None:
    """A cold import of any of them is a millisecond or more."""
    assert "qd8.graph.plan" in imported
    assert module not in imported
