"""`make bench-models`: whole models beside LiteRT, as tables, JSON and charts."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asv_bench.models import engines, files, report
from asv_bench.models.engines import SMALL, Engine
from asv_bench.models.files import ARCHITECTURES, Files
from asv_bench.models.report import Resident, Timed
from asv_bench.peers import cpu
from asv_bench.peers.about import circumstances
from qd8.terminal import show, written

#: Of what is free in memory, how much the models of one process may take together.
SHARE, COPIES = 0.6, 3  # a model takes up to so many times its file


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if something was measured."""
    chosen = _parser().parse_args(arguments)
    here, missing = engines.available()
    for line in missing:
        print(line, file=sys.stderr)
    here = [each for each in here if re.search(chosen.engines, each.name)]
    rows: list[Timed] = []
    memory: list[Resident] = []
    sources = {}
    for model in ARCHITECTURES:
        if not re.search(chosen.only, model.name):
            continue
        found = files.find(model, chosen.models, chosen.unet_width)
        sources[model.name] = found.source
        given = [each for each in here if _path(found, each) is not None]
        for threads in chosen.threads:
            about = f"{model.name}, {threads} thread(s)"
            timed = [each for each in given if each.name != SMALL]
            if _fit(found, timed) and not chosen.apart:
                rows += _in_turns(model.name, found, timed, threads, chosen)
            else:
                rows += _apart(model.name, found, timed, threads, chosen)
            print(about, file=sys.stderr, flush=True)
        if not chosen.no_memory:
            memory += _memory(model.name, found, given, chosen)
    if not any(row.rounds for row in rows):
        print("nothing was measured", *report.failures(rows), sep="\n", file=sys.stderr)
        return 1
    seen = cpu.sentence(chosen.peer_isa)
    shown = report.tables(rows, seen) + ([report.resident(memory)] if memory else [])
    for each in shown:
        show(each)
        print()
    for line in (*missing, *report.failures(rows)):
        print(line)
    about_all = {**circumstances(seen), "sources": sources, "missing": missing}
    _write(chosen.out, rows, memory, about_all)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m asv_bench.models", description=__doc__
    )
    add = parser.add_argument
    add("--models", type=Path, default=files.SHARED, help="a folder of .tflite files")
    add("--only", default=".", help="regular expression of models")
    add("--engines", default=".", help="regular expression of engines")
    add("--threads", type=int, nargs="+", default=[1, 2])
    add("--pairs", type=int, default=20, help="timed calls of each engine at least")
    add("--unet-width", type=float, default=0.2, help="1.0: all 860 million weights")
    add("--apart", action="store_true", help="every turn in a process of its own")
    add("--no-memory", action="store_true", help="no memory and load time")
    add("--peer-isa", choices=cpu.CPUS, help="let every engine see an older CPU")
    add("--out", type=Path, default=Path("bench-output"))
    return parser


def _path(found: Files, engine: Engine) -> Path | None:
    path: Path | None = getattr(found, engine.kind)
    return path


def _fit(found: Files, given: list[Engine]) -> bool:
    """Whether all engines' copies of a model fit into memory beside each other."""
    paths = [path for each in given if (path := _path(found, each))]
    needed = COPIES * sum(path.stat().st_size for path in paths)
    return needed < SHARE * _available()


def _available() -> int:
    """Bytes of memory that a process may take before others are pushed out."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/meminfo has no MemAvailable")


def _in_turns(
    model: str,
    found: Files,
    given: list[Engine],
    threads: int,
    chosen: argparse.Namespace,
) -> list[Timed]:
    wanted = {
        "files": {each.kind: str(_path(found, each)) for each in given},
        "engines": [each.name for each in given],
        "threads": threads,
        "pairs": chosen.pairs,
    }
    answers = _child("asv_bench.models.turns", wanted, chosen.peer_isa)
    return [
        Timed(
            *(model, threads, name, a["best"], a["rounds"]),
            *(a["db"], a["failure"], a["beside"]),
        )
        for name, a in answers.items()
    ]


def _apart(
    model: str,
    found: Files,
    given: list[Engine],
    threads: int,
    chosen: argparse.Namespace,
) -> list[Timed]:
    """Let processes take turns: each loads, calls once untimed, then once timed."""
    times: dict[str, list[float]] = {each.name: [] for each in given}
    for _ in range(chosen.pairs):
        for each in given:
            alone = _alone(found, each, threads, 1, chosen)
            times[each.name].append(alone["rounds"][0])
    return [Timed(model, threads, n, min(t), t) for n, t in times.items()]


def _memory(
    model: str, found: Files, given: list[Engine], chosen: argparse.Namespace
) -> list[Resident]:
    """Measure each engine alone, on the first number of threads."""
    rows: list[Resident] = []
    threads = chosen.threads[0]
    found_alone = {each: _alone(found, each, threads, 1, chosen) for each in given}
    peaks = {each.name: alone["peak"] for each, alone in found_alone.items()}
    for each, alone in found_alone.items():
        path = _path(found, each)
        assert path is not None
        same = peaks.get(engines.LITERT_ON[each.kind])
        rows.append(
            Resident(
                model,
                each.name,
                threads,
                path.stat().st_size / 1e6,
                alone["peak"] / 1e6,
                (alone["peak"] - alone["base"]) / 1e6,
                alone["peak"] / same if same else None,
                alone["load_s"],
                alone["load_s"] + alone["first_s"],
            )
        )
    return rows


def _alone(
    found: Files,
    engine: Engine,
    threads: int,
    calls: int,
    chosen: argparse.Namespace,
) -> dict[str, Any]:
    """Run one engine in a process; again if kernels had to be compiled."""
    path = str(_path(found, engine))
    wanted = {"name": engine.name, "path": path, "threads": threads, "calls": calls}
    a = _child("asv_bench.models.alone", wanted, chosen.peer_isa)
    if a["compiled"]:
        a = _child("asv_bench.models.alone", wanted, chosen.peer_isa)
    return a


def _child(module: str, wanted: dict[str, Any], older: str | None) -> dict[str, Any]:
    """Run a module in a process; what it is given and answers is JSON."""
    disguise = ["-m", "asv_bench.peers.cpu", older] if older else []
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [sys.executable, *disguise, "-m", module],
            input=json.dumps({"wanted": wanted, "to": file.name}),
            text=True,
            check=True,
        )
        answer: dict[str, Any] = json.loads(Path(file.name).read_text())
        return answer


def _write(
    folder: Path, rows: list[Timed], memory: list[Resident], about: dict[str, Any]
) -> None:
    """Write models.json and models.png, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    content = about | {
        "rows": [asdict(row) for row in rows],
        "memory": [asdict(row) for row in memory],
    }
    with written(folder / "models.json") as path:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{folder / 'models.json'}: these numbers, and what they were measured on")
    try:
        from asv_bench.models import picture

        with written(folder / "models.png") as path:
            title = f"{about['cpu']}, {about['made'][:10]}; {about['seen']}"
            picture.write(rows, title, path)
        print(f"{folder / 'models.png'}: how many times as fast, as bars")
    except ImportError:
        print("models.png is missing: pip install matplotlib")


if __name__ == "__main__":
    sys.exit(main())
