"""Fuzz the loader: every damaged file is refused clearly or runs to the end.

A worker process damages a file, loads and runs it, again and again, and tells its
parent what came of each. The parent watches the clock and the worker's death.
Mutant i of a file depends on nothing but the file and i, so a failure is a pair of
numbers that `python -m tests.tflite.fuzz --again FILE I` repeats.

`python -m tests.tflite.fuzz --minutes N` goes on for N minutes, keeps files that
had a new outcome in a corpus, mutates these too, and adds to a running total.
"""

import argparse
import contextlib
import json
import re
import resource
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import operators, small
from .mutate import IN_TABLES, Map, map_of, mutate

ROOT = Path(__file__).parents[2]
FILES = {**small.FILES, **operators.FILES}
DIGITS = ROOT / "qd8/data/digits/digits_drq.tflite"
CORPUS = ROOT / "fuzz-corpus"
CLEAR = (ValueError, TypeError, NotImplementedError)
SECONDS = 10  # a file
TIMES_FILE = 10  # memory, in sizes of the file
# What Python, NumPy and a kernel read from its cache take for themselves; a load of
# the shipped files was seen to take up to 7 times the file.
MEMORY_FLOOR = 8 * 2**20
# The worker may not take the machine's memory before its parent notices.
ADDRESS_SPACE = 6 * 2**30
PRECISIONS = (None, "fp32", "qd8-f32", "qd8-f16", "fp16")


@dataclass
class Report:
    """What came of a number of mutants."""

    outcomes: Counter[str] = field(default_factory=Counter)
    in_tables: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.outcomes.total()


def mutant(data: bytes, where: Map, index: int) -> tuple[bytes, str]:
    """Return mutant ``index`` of a file, and what was done to it."""
    return mutate(data, where, np.random.default_rng(index))


def outcome_of(content: bytes, precision: str | None) -> str:
    """Load and run a file; return "ran", "refused: ..." or "FAILED: ..."."""
    import qd8
    from qd8.kernels import cache

    compiled: list[str] = []
    cache.listeners.append(note := lambda name, seconds: compiled.append(name))
    start, before = time.perf_counter(), _reset_peak()
    try:
        model = qd8.load(content, precision=precision)
        inputs = {i.name: np.ones(i.shape, i.dtype) for i in model.inputs}
        model.run(inputs)
        outcome = "ran"
    except CLEAR as error:
        outcome = f"refused: {type(error).__name__}: {error}"
        if "<bytes>" not in str(error):
            outcome = f"FAILED: does not name the file: {outcome}"
    except BaseException as error:  # whatever it is, it is the finding
        outcome = f"FAILED: {type(error).__name__}: {error}"
    finally:
        cache.listeners.remove(note)
    if compiled:  # time and memory were the compiler's; what it made is kept
        return outcome_of(content, precision)
    took = time.perf_counter() - start
    used = _peak() - before
    if took > SECONDS:
        outcome = f"FAILED: took {took:.1f} s: {outcome}"
    if used > TIMES_FILE * len(content) + MEMORY_FLOOR:
        outcome = f"FAILED: took {used} bytes for {len(content)}: {outcome}"
    return outcome.replace("\n", " ")


def run_batch(path: Path, first: int, count: int) -> Iterator[tuple[int, str]]:
    """Yield (index, outcome) of ``count`` mutants, each in a worker that may die."""
    end = first + count
    while first < end:
        command = [sys.executable, "-W", "error::RuntimeWarning", "-m"]
        command += ["tests.tflite.fuzz", "--worker", str(path), str(first), str(end)]
        worker = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            for index, outcome in _watch(worker, first):
                yield index, outcome
                first = index + 1
        finally:
            worker.kill()
            worker.communicate()


def _watch(worker: subprocess.Popen[bytes], first: int) -> Iterator[tuple[int, str]]:
    """Yield what a worker says; when it dies or hangs, blame the mutant it was at."""
    assert worker.stdout is not None
    assert worker.stderr is not None
    current = first
    patience: float = 300  # it imports and compiles first
    while True:
        ready, _, _ = select.select([worker.stdout], [], [], patience)
        line = worker.stdout.readline().decode() if ready else "hang"
        if line.startswith("ready"):
            patience = 2 * SECONDS  # the machine may be busy; the worker times itself
            continue
        if line.startswith("done"):
            return
        if not line.startswith("mutant "):
            worker.kill()
            said = worker.stderr.read().decode()[-2000:]
            why = "hung" if line == "hang" else f"died with {worker.wait()}: {said}"
            yield current, f"FAILED: the worker {why}"
            return
        _, index, outcome = line.rstrip("\n").split(" ", 2)
        current = int(index) + 1
        yield int(index), outcome


def work(path: Path, first: int, end: int) -> None:
    """Be the worker: say ready, then a line for each mutant, then done."""
    import qd8

    data = path.read_bytes()
    where = map_of(data)
    with qd8.threads(1):
        # Kernels compile for the undamaged files, outside of any measurement.
        for content in [DIGITS.read_bytes(), *(make() for make in FILES.values())]:
            for precision in PRECISIONS:
                outcome_of(content, precision)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        print("ready", flush=True)
        for index in range(first, end):
            content, _ = mutant(data, where, index)
            precision = PRECISIONS[index % len(PRECISIONS)]
            print("mutant", index, outcome_of(content, precision), flush=True)
    print("done", flush=True)


def fuzz(path: Path, first: int, count: int, report: Report) -> list[int]:
    """Add ``count`` mutants of a file to a report; return those of new outcome."""
    data = path.read_bytes()
    where = map_of(data)
    new = []
    for index, outcome in run_batch(path, first, count):
        kind = kind_of(outcome)
        if kind not in report.outcomes:
            new.append(index)
        report.outcomes[kind] += 1
        done = mutant(data, where, index)[1].split("+")
        report.in_tables += any(name in IN_TABLES for name in done)
        if outcome.startswith("FAILED"):
            report.failures.append(f"{path} {index} ({'+'.join(done)}): {outcome}")
    return new


def kind_of(outcome: str) -> str:
    """Return an outcome without its numbers and names."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|b'.*?'|\([^)]*\)", "_", outcome)
    return re.sub(r"-?[0-9][0-9.e+]*", "#", text)[:120]


def write_seeds(folder: Path) -> list[Path]:
    """Write the small files and the shipped classifier; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: make() for name, make in FILES.items()}
    contents["digits_drq"] = DIGITS.read_bytes()
    paths = []
    for name, content in contents.items():
        paths.append(folder / f"{name}.tflite")
        paths[-1].write_bytes(content)
    return paths


def fuzz_for(minutes: float, corpus: Path) -> Report:
    """Fuzz against the clock with a corpus that grows."""
    seeds = write_seeds(corpus)
    state_path = corpus / "total.json"
    state = json.loads(state_path.read_text()) if state_path.exists() else {}
    report = Report(Counter(state.get("outcomes", {})), state.get("in_tables", 0))
    before = report.total
    rng = np.random.default_rng(before)
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        grown = sorted(corpus.glob("grown-*.tflite"))
        from_seed = not grown or rng.random() < 0.5
        path = rng.choice(np.array(seeds if from_seed else grown, object))
        first = report.total
        data = path.read_bytes()
        where = map_of(data)
        for index in fuzz(path, first, 500, report):
            content = mutant(data, where, index)[0]
            (corpus / f"grown-{path.stem[:24]}-{index}.tflite").write_bytes(content)
        state = {"outcomes": report.outcomes, "in_tables": report.in_tables}
        state_path.write_text(json.dumps(state, indent=1))
        print(
            f"{report.total - before} mutants now, {report.total} in all, "
            f"{len(report.outcomes)} kinds of outcome, {len(report.failures)} failures",
            flush=True,
        )
    return report


def _reset_peak() -> int:
    """Let the kernel forget the peak of resident memory; return what is resident."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    """Read a number of bytes from /proc; 0 where there is none."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    return 1024 * int(found[1]) if found else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if any mutant failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--again", nargs=2, metavar=("FILE", "I"))
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        path, first, end = options.worker
        work(Path(path), int(first), int(end))
        return 0
    if options.again:
        path, index = Path(options.again[0]), int(options.again[1])
        data = path.read_bytes()
        content, done = mutant(data, map_of(data), index)
        print(done, outcome_of(content, PRECISIONS[index % len(PRECISIONS)]), sep="\n")
        return 0
    report = fuzz_for(options.minutes, options.corpus)
    print(f"{report.in_tables} of {report.total} in tables")
    for failure in report.failures:
        print(failure)
    return bool(report.failures)


if __name__ == "__main__":
    sys.exit(main())
