"""What a file takes in memory in each precision, beside LiteRT."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from qd8.graph.load import load
from qd8.graph.table import Table

PRECISIONS = ("fp32", "qd8-f32", "qd8-f16")
#: Anonymous memory that a process gains from loading a file: weights that LiteRT
#: uses as they lie in the mapped file are not in it, what XNNPACK has packed is.
_LITERT = """
import sys
from pathlib import Path
from ai_edge_litert.interpreter import Interpreter

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if "RssAnon" in line)

before = anonymous()
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
interpreter.invoke()
print(anonymous() - before)
"""


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f}"


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Bytes in one precision.

    weight_bytes : of the weights as they lie in the file
    packed_bytes : of the weights as the kernels read them
    arena_bytes : of all activations of a run, by their lifetimes
    total_bytes : packed and arena; of LiteRT, what a process gained
    """

    engine: str
    precision: str
    weight_bytes: int | None = field(
        metadata={"title": "in file MB", "format": _megabytes}
    )
    packed_bytes: int | None = field(
        metadata={"title": "packed MB", "format": _megabytes}
    )
    arena_bytes: int | None = field(
        metadata={"title": "arena MB", "format": _megabytes}
    )
    total_bytes: int = field(metadata={"title": "total MB", "format": _megabytes})


def sizes(path: str | os.PathLike[str]) -> Table[SizeRow]:
    """Return a row for each precision, and LiteRT's if it is installed.

    LiteRT's row is of the file as it is, measured in a process of its own.
    """
    rows = [_ours(path, precision) for precision in PRECISIONS]
    note = "LiteRT: pip install ai-edge-litert"
    if find_spec("ai_edge_litert") and Path("/proc/self/status").exists():
        note = "LiteRT: memory that its process gained by loading and running the file"
        gained = _litert(path)
        rows.append(SizeRow("LiteRT", "as the file is", None, None, None, gained))
    size = Path(path).stat().st_size
    return Table(rows, f"{path}, {_megabytes(size)} MB", note)


def _ours(path: str | os.PathLike[str], precision: str) -> SizeRow:
    model = load(path, precision=precision)
    graph, plan = model.fused_graph, model._plan
    weights = (graph.weight(node) for node in graph.nodes)
    used = sum(w.constant.nbytes for w in weights if w and w.constant)
    packed = sum(each.nbytes for each in plan.packed)
    total = packed + plan.arena_bytes
    return SizeRow("qd8", precision, used, packed, plan.arena_bytes, total)


def _litert(path: str | os.PathLike[str]) -> int:
    command = [sys.executable, "-c", _LITERT, os.fspath(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        last = found.stderr.strip().splitlines()[-1:]
        raise RuntimeError(f"LiteRT does not run {path}: {''.join(last)}")
    return int(found.stdout.split()[-1])
