"""Run a few lines of Python in a fresh process, under another environment.

For what must not happen in the test's own process, or what is decided when a process
starts: a tier, a threading layer, a target CPU, a fork, an abort.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Every child works on these; `expected` comes from the reference, not from us.
PREAMBLE = """
import faulthandler
faulthandler.enable()
import numpy as np
import qd8
from tests.checks import assert_same_bits
from tests.judgement import assert_kernel_is_reference, layer, reference_output
from tests.problems import ConvProblem, FullyConnectedProblem
problem = FullyConnectedProblem.generate(1, "gaussian", M=67, N=130, K=257)
conv = ConvProblem.generate(3, "gaussian")
half = FullyConnectedProblem.generate(2, "half_tie", dtype=np.float16, M=9, N=40, K=33)
"""


def run_python(
    code: str, *, path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``code`` after the preamble and return what came of it.

    ``path`` goes before the repository on the import path. Variables that steer qd8
    or Numba are taken from ``environment`` only, except where caches lie.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "NUMBA_CACHE_DIR" or not name.startswith(("QD8_", "NUMBA_"))
    }
    paths = [str(p) for p in (path, ROOT, ROOT / "reference") if p]
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PREAMBLE + code],
        env={**kept, "PYTHONPATH": os.pathsep.join(paths), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        cwd=path or ROOT,
    )


def assert_prints(expected: str, code: str, **options: str | Path) -> str:
    """Run ``code``, assert that it ends well and prints ``expected``; return stderr."""
    result = run_python(code, **options)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == expected, result.stderr
    return result.stderr
