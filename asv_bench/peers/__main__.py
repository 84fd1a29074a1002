"""`make bench-peers`: qd8 beside other engines, as a table, JSON and a picture."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from asv_bench.benchmarks.layers import BY_NAME
from asv_bench.peers import cpu, report, table
from asv_bench.peers.about import circumstances
from asv_bench.peers.measure import Measured, Plan
from qd8.kernels import isa
from qd8.terminal import show, written


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if qd8 has XNNPACK's bits on every layer."""
    chosen = _parser().parse_args(arguments)
    here, missing = table.available()
    for line in missing:
        print(line, file=sys.stderr)
    names = [peer.name for peer in here if re.search(chosen.peers, peer.name)]
    layers = [name for name in BY_NAME if re.search(chosen.layers, name)]
    tiers = {"current": [isa.current().name], "all": [*isa.runnable()]}
    if chosen.peer_isa:
        tiers["current"] = [chosen.peer_isa]
    rows: list[Measured] = []
    limits: report.Limits = {}
    for tier in tiers.get(chosen.tiers) or chosen.tiers.split(","):
        for threads in chosen.threads:
            times = {"pairs": chosen.pairs, "blocks": chosen.blocks}
            plan = Plan(layers, names, threads, **times, calls=chosen.calls)
            found = _in_process(plan, tier, chosen.peer_isa)
            for limit in found["limits"]:
                limits[tier, threads, limit["precision"]] = limit["gmacs"]
            rows += [Measured(**row) for row in found["rows"]]
    seen = cpu.sentence(chosen.peer_isa)
    for each in report.tables(rows, limits, seen):
        show(each)
        print()
    for line in (*missing, *report.failures(rows)):
        print(line)
    _write(chosen.out, rows, limits, missing, seen)
    wrong = report.problems(rows)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m asv_bench.peers", description=__doc__
    )
    parser.add_argument("--layers", default=".", help="regular expression of names")
    parser.add_argument("--peers", default=".", help="regular expression of names")
    parser.add_argument("--tiers", default="current", help="current, all, or names")
    parser.add_argument(
        "--peer-isa", choices=cpu.CPUS, help="let every engine see an older CPU"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pairs", type=int, default=Plan._field_defaults["pairs"])
    parser.add_argument("--blocks", type=int, default=Plan._field_defaults["blocks"])
    parser.add_argument("--calls", type=int, default=Plan._field_defaults["calls"])
    parser.add_argument("--out", type=Path, default=Path("bench-output"))
    return parser


def _in_process(plan: Plan, tier: str, older: str | None) -> dict[str, Any]:
    """Measure in a new process: what `measure` sets holds for a whole process."""
    named = plan._asdict()
    disguise = ["-m", "asv_bench.peers.cpu", older] if older else []
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [sys.executable, *disguise, "-m", "asv_bench.peers.measure"],
            input=json.dumps({"plan": named, "to": file.name}),
            env={
                **os.environ,
                "QD8_ISA": tier,
                "OPENBLAS_NUM_THREADS": str(plan.threads),
                # 2^22 cycles, not 2^26: its threads would spin into qd8's turn.
                "OPENBLAS_THREAD_TIMEOUT": "22",
            },
            text=True,
            check=True,
        )
        return json.loads(Path(file.name).read_text())


def _write(
    folder: Path,
    rows: list[Measured],
    limits: report.Limits,
    missing: list[str],
    seen: str,
) -> None:
    """Write peers.json and peers.png, whole or not at all."""
    import dataclasses

    folder.mkdir(parents=True, exist_ok=True)
    about = {
        **circumstances(seen),
        "peers": {peer.name: peer.what for peer in table.PEERS},
        "missing": missing,
        "port_limit_gmacs": [
            {"tier": tier, "threads": threads, "precision": of, "gmacs": value}
            for (tier, threads, of), value in limits.items()
        ],
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    with written(folder / "peers.json") as path:
        path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"{folder / 'peers.json'}: these numbers, and what they were measured on")
    try:
        from asv_bench.peers import picture

        with written(folder / "peers.png") as path:
            title = f"{about['cpu']}, {about['made'][:10]}; {seen}"
            picture.write(rows, limits, title, path)
        print(f"{folder / 'peers.png'}: GMAC/s of every engine on every layer")
    except ImportError:
        print("peers.png is missing: pip install matplotlib")


if __name__ == "__main__":
    sys.exit(main())
