"""One engine with one model in a process of its own: memory, load time, and time.

Peak memory is what Linux says of the whole process (VmHWM), from before the model is
loaded to after the last call; the base is what it held just before, with the engine's
library imported and nothing loaded.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from asv_bench.benchmarks.turns import seconds

IMPORTED = {
    "qd8": ("qd8.graph.load", "qd8.kernels.launch", "qd8.kernels.cache"),
    "ai_edge_litert": ("ai_edge_litert.interpreter",),
    "openvino": ("openvino",),
}


class Alone(NamedTuple):
    """load_s : until the model says it is loaded; first_s : of the first call

    rounds : seconds of each further call
    base, peak : bytes resident before the load, and at most
    compiled : kernels that no cache held; then the times are not to be believed
    """

    load_s: float
    first_s: float
    rounds: list[float]
    base: int
    peak: int
    compiled: int


def measure(name: str, path: Path, threads: int, calls: int) -> Alone:
    """Load, call once, then call ``calls`` times."""
    from asv_bench.models.engines import BY_NAME

    engine = BY_NAME[name]
    for module in IMPORTED[engine.module]:
        import_module(module)
    compiled: list[str] = []
    if engine.module == "qd8":
        from qd8.kernels import cache

        cache.listeners.append(lambda kernel, _: compiled.append(kernel))
    base = _resident("VmRSS")
    _forget_peak()
    loaded = []
    load_s = seconds(lambda: loaded.append(engine.load(path, threads)))
    loaded[0].set_inputs()
    first_s = seconds(loaded[0].invoke)
    rounds = [seconds(loaded[0].invoke) for _ in range(calls)]
    peak = _resident("VmHWM")
    return Alone(load_s, first_s, rounds, base, peak, len(compiled))


def _resident(what: str) -> int:
    """Bytes of this process, from /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {what}")


def _forget_peak() -> None:
    """Let VmHWM begin anew. Source: man 5 proc, /proc/pid/clear_refs, value 5."""
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Read what is wanted from stdin, write what was found to the file it names."""
    given = json.load(sys.stdin)
    wanted = given["wanted"]
    if wanted["threads"] == 1 and hasattr(os, "sched_setaffinity"):
        from asv_bench.peers.measure import pin

        pin()
    wanted["path"] = Path(wanted["path"])
    found = measure(**wanted)._asdict()
    Path(given["to"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
