"""What comes before the first answer: import, compilation, loading a model.

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


MODEL = "efficientnet_v2_b0"
WARMUP = """
from time import perf_counter
from qd8 import zoo
model = zoo.build("{}", weights="int8")
start = perf_counter()
import qd8
qd8.warmup(qd8.load(model))
print(perf_counter() - start)
"""
LOAD = """
from time import perf_counter
import numpy as np
import qd8
qd8.set_num_threads(1)
start = perf_counter()
model = qd8.load({path!r})
loaded = perf_counter()
model(*(np.zeros(i.shape, i.dtype) for i in model.inputs))
print({what})
"""
LITERT = """
from time import perf_counter
import numpy as np
from ai_edge_litert.interpreter import Interpreter
start = perf_counter()
litert = Interpreter({path!r}, num_threads=1)
litert.allocate_tensors()
loaded = perf_counter()
for detail in litert.get_input_details():
    litert.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
litert.invoke()
print({what})
"""


class Warmup:
    """`qd8.warmup` of EfficientNetV2-B0 from an empty cache, loading included."""

    version = "1"
    timeout = 600

    def track_cold_seconds(self):
        with tempfile.TemporaryDirectory() as folder:
            return printed_seconds(WARMUP.format(MODEL), NUMBA_CACHE_DIR=folder)

    track_cold_seconds.unit = "s"


class Load:
    """EfficientNetV2-B0 in processes of their own, with kernels on disk; one thread.

    "load" is `qd8.load` with the modules that it imports, or LiteRT's `Interpreter`
    and `allocate_tensors`, which pack too; "answer" is the first call besides.
    """

    version = "1"
    timeout = 600
    params = (["load", "answer"],)
    param_names = ("until",)

    def setup_cache(self):
        from qd8 import zoo

        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model.tflite")
            zoo.write(MODEL, path, weights="int8")
            found = {}
            for until, what in (
                ("load", "loaded - start"),
                ("answer", "perf_counter() - start"),
            ):
                ours = LOAD.format(path=path, what=what)
                printed_seconds(ours)  # compiles, if it must
                theirs = LITERT.format(path=path, what=what)
                pairs = [
                    (printed_seconds(ours), printed_seconds(theirs)) for _ in range(5)
                ]
                found[until] = (
                    median(mine for mine, _ in pairs),
                    median(mine / other for mine, other in pairs),
                )
        return found

    setup_cache.timeout = 600

    def track_seconds(self, measured, until):
        return measured[until][0]

    def track_times_litert(self, measured, until):
        return measured[until][1]

    track_seconds.unit = "s"
    track_times_litert.unit = "of LiteRT's time"
