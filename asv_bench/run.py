"""`make bench`: run asv's suite on this checkout and store the results by commit.

asv runs on the environment that exists (`-E existing`): qd8 is pure Python, and an
environment for each commit would measure its packages too. Of asv's exit status
nothing is believed (it is non-zero for several unrelated reasons, and zero when
nothing matched): the result file is read instead.
"""

import argparse
import itertools
import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asv_bench import revision
from asv_bench.revision import ROOT, Revision
from qd8.terminal import written as written_whole

CONFIG = ROOT / "asv_bench" / "asv.conf.json"
RESULTS = ROOT / "asv_bench" / "results"
#: How asv ends the name of an existing environment: its path, "/" as "_".
RAW = sys.executable.replace(os.path.sep, "_")


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
    file = f"{measured.sha[:8]}-existing-py{RAW}.json"
    raw = RESULTS / machine_name() / file
    raw.unlink(missing_ok=True)  # of a run that was stopped
    asv(measured, bench, "--set-commit-hash", measured.sha)
    if not raw.exists():
        return Counted(0, [], 0)
    found = json.loads(raw.read_text())
    store(found, result_file(measured.sha))
    raw.unlink()
    return counted(found, bench)


def store(found: dict[str, Any], path: Path) -> None:
    """Add a result file of asv's to what is stored of the commit.

    asv names an existing environment by the path of its python, in the file's name and
    in the parameters of every line: another checkout would begin new lines.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found["env_name"], found["python"] = f"existing-py{version}", version
    found["params"]["python"] = version
    if path.exists():
        before = json.loads(path.read_text())
        for part in ("results", "durations"):
            found[part] = {**before[part], **found[part]}
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(found) + "\n")


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
    remember_machine(name)
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


def remember_machine(name: str) -> None:
    """Add this machine to the file of the user's where asv looks machines up.

    Not by `asv machine`: of several options it keeps one.
    """
    from asv.machine import MachineCollection

    from qd8 import doctor

    about = {
        "machine": name,
        "os": platform.system(),
        "arch": platform.machine(),
        "cpu": doctor.cpu_name(),
        "num_cpu": str(os.cpu_count()),
    }
    MachineCollection.save(name, about)


def result_file(sha: str) -> Path:
    """Where results of a commit on this machine are stored."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return RESULTS / machine_name() / f"{sha[:8]}-existing-py{version}.json"


def counted(content: dict[str, Any], bench: str) -> Counted:
    """Count what a result file says of the benchmarks that match ``bench``.

    asv writes null for a failure and NaN for "not applicable".
    """
    measured, failed, skipped = 0, [], 0
    for name, row in content["results"].items():
        for case, value in _cases(name, row):
            if not re.search(bench, case):
                continue
            if value is None:
                failed.append(name)
            elif isinstance(value, float) and math.isnan(value):
                skipped += 1
            else:
                measured += 1
    return Counted(measured, sorted(set(failed)), skipped)


def _cases(name: str, row: Any) -> Iterator[tuple[str, Any]]:
    """Yield what asv matches `--bench` with, name(parameters), and the result."""
    if not row or row[0] is None:
        yield name, None
        return
    parameters = [*itertools.product(*row[1])] if len(row) > 1 and row[1] else []
    for n, value in enumerate(row[0]):
        yield f"{name}({', '.join(parameters[n])})" if parameters else name, value


if __name__ == "__main__":
    sys.exit(main())
