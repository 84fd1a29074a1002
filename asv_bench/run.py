"""`make bench`: run asv's suite on this checkout and store the results by commit.

asv runs on the environment that exists (`-E existing`): qd8 is pure Python, and an
environment for each commit would measure its packages too. Of asv's exit status
nothing is believed (it is non-zero for several unrelated reasons, and zero when
nothing matched): the result file is read instead.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from asv_bench import revision
from asv_bench.revision import ROOT, Revision

CONFIG = ROOT / "asv_bench" / "asv.conf.json"
RESULTS = ROOT / "asv_bench" / "results"


class Counted(NamedTuple):
    """Benchmarks of a result file: measured, failed, and not applicable."""

    measured: int
    failed: list[str]
    skipped: int


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m asv_bench.run", description=__doc__
    )
    parser.add_argument("--bench", default=".", help="regular expression of names")
    parser.add_argument("--quick", action="store_true", help="each once, not stored")
    chosen = parser.parse_args(arguments)
    tree = revision.working_tree()
    if chosen.quick or (dirty := revision.changed()):
        if not chosen.quick:
            print(
                f"qd8 is changed here ({len(dirty)} files): the results are shown, "
                "but not stored, because they belong to no commit",
                file=sys.stderr,
            )
        return asv(tree, chosen.bench, quick=chosen.quick)
    sha = revision.git("rev-parse", "HEAD")
    return report(sha, measure(Revision(sha, ROOT), chosen.bench))


def measure(measured: Revision, bench: str) -> Counted:
    """Run the benchmarks that match ``bench`` on a revision and store the results."""
    before = {path: path.stat().st_mtime_ns for path in result_files(measured.sha)}
    asv(measured, bench, "--set-commit-hash", measured.sha)
    written = [
        path
        for path in result_files(measured.sha)
        if path.stat().st_mtime_ns != before.get(path)
    ]
    if not written:
        return Counted(0, [], 0)
    return counted(json.loads(written[0].read_text()), bench)


def report(sha: str, found: Counted) -> int:
    """Print what was measured; return 0 if that is something and nothing failed."""
    text = f"{sha[:10]}: {found.measured} measured, {found.skipped} not applicable"
    print(f"{text}, {len(found.failed)} failed")
    for name in found.failed:
        print(f"  failed: {name}")
    return 0 if found.measured and not found.failed else 1


def asv(measured: Revision, bench: str, *arguments: str, quick: bool = False) -> int:
    """Run asv itself; return its exit status."""
    name = machine_name()
    command = [sys.executable, "-m", "asv"]
    config = ["--config", str(CONFIG)]
    # asv looks a machine up in a file of the user's; this adds ours to it.
    known = ["machine", "--yes", "--machine", name, *config]
    subprocess.run([*command, *known], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    if quick:
        arguments = ("--quick", "--dry-run", *arguments)
    run = ["run", *config, "--machine", name, "--bench", bench, "--show-stderr"]
    run += ["--environment", f"existing:{sys.executable}", *arguments]
    return subprocess.run(
        [*command, *run], cwd=ROOT, env=measured.environment()
    ).returncode


def machine_name() -> str:
    """Name the machine by what decides its speed, not by its host name.

    So two runs on machines of one kind make one line, and a new kind a new line.
    """
    from qd8 import doctor
    from qd8.kernels import isa

    text = f"{doctor.cpu_name()} {os.cpu_count()} cpus {isa.current().name}"
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", text.lower())).strip(
        "-"
    )


def result_files(sha: str) -> list[Path]:
    """Result files of a commit on this machine."""
    return sorted((RESULTS / machine_name()).glob(f"{sha[:8]}-*.json"))


def counted(content: dict[str, Any], bench: str) -> Counted:
    """Count what a result file says of the benchmarks that match ``bench``.

    asv writes null for a failure and NaN for "not applicable".
    """
    measured, failed, skipped = 0, [], 0
    for name, row in content["results"].items():
        if not re.search(bench, name):
            continue
        for value in row[0] if row and row[0] is not None else [None]:
            if value is None:
                failed.append(name)
            elif isinstance(value, float) and math.isnan(value):
                skipped += 1
            else:
                measured += 1
    return Counted(measured, sorted(set(failed)), skipped)


if __name__ == "__main__":
    sys.exit(main())
