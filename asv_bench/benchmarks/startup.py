"""What comes before the first answer: import, compilation, the kernel cache.

Measured in processes of their own, with the qd8 that this process would import.
"""

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median

IMPORTS = 7

FIRST_CALL = """
from time import perf_counter
start = perf_counter()
import qd8
import numpy as np
layer = qd8.FullyConnected(np.ones((64, 64), np.int8), np.float32([1]))
layer(np.zeros((64, 64), np.float32))
print(perf_counter() - start)
"""
IMPORT = """
from time import perf_counter
start = perf_counter()
import {}
print(perf_counter() - start)
"""


def printed_seconds(code: str, **environment: str) -> float:
    """Run Python code that prints seconds, in a new process."""
    roots = {
        str(Path(find_spec(name).origin).parents[1])
        for name in ("qd8", "qd8_reference")
    }
    path = os.pathsep.join(sorted(roots))
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return float(answer.stdout)


class Import:
    """`import qd8` beside `import numba`, which it needs."""

    version = "1"
    timeout = 600

    def track_seconds_over_numba(self):
        pairs = [
            (printed_seconds(IMPORT.format("qd8, numba")), numba)
            for numba in (
                printed_seconds(IMPORT.format("numba")) for _ in range(IMPORTS)
            )
        ]
        return median(both - numba for both, numba in pairs)

    track_seconds_over_numba.unit = "s"


class FirstCall:
    """From before `import qd8` to the first answer of a `FullyConnected`."""

    version = "1"
    timeout = 600

    def setup_cache(self):
        with tempfile.TemporaryDirectory() as folder:
            cold = printed_seconds(FIRST_CALL, NUMBA_CACHE_DIR=folder)
            warm = median(
                printed_seconds(FIRST_CALL, NUMBA_CACHE_DIR=folder) for _ in range(5)
            )
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
        return {"cold": cold, "warm": warm, "bytes": size}

    setup_cache.timeout = 600

    def track_cold_seconds(self, measured):
        return measured["cold"]

    track_cold_seconds.unit = "s"

    def track_warm_seconds(self, measured):
        return measured["warm"]

    track_warm_seconds.unit = "s"

    def track_cache_bytes(self, measured):
        return measured["bytes"]

    track_cache_bytes.unit = "bytes"
