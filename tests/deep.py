"""The large counts: ``python -m tests.deep --fc 5000 --conv 5000 --fc16 1000 ...``.

Walks over seeds of every family, asks LiteRT and every runnable tier, and counts the
unequal elements: reference against LiteRT (outputs), each tier against the reference
(outputs and all steps). Exits non-zero if a single element differs anywhere.
Saves after every family, so that an interrupted count goes on with ``--resume``;
``--first-seed`` counts on with problems nobody has seen.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import qd8_reference
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from tests.checks import unequal_bits
from tests.judgement import (
    Problem,
    layer,
    litert_judges,
    litert_options,
    litert_output,
    reference_steps,
)
from tests.problems import (
    NON_FINITE,
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)

# Issue 2, "must show" 3: of each family at least so many, once a count is large.
AT_LEAST = 300

KINDS = {
    "fc": (FullyConnectedProblem, fully_connected_families, np.dtype(np.float32)),
    "conv": (ConvProblem, conv_families, np.dtype(np.float32)),
    "fc16": (FullyConnectedProblem, fully_connected_families, np.dtype(np.float16)),
    "conv16": (ConvProblem, conv_families, np.dtype(np.float16)),
}


@dataclass
class Count:
    """What was compared for one operator and family, and how much of it differed."""

    operator: str
    family: str
    problems: int = 0
    judged: int = 0  # of these, by LiteRT
    elements: int = 0  # of the outputs that LiteRT judged
    litert: int = 0  # unequal elements, reference against LiteRT
    tiers: dict[str, int] = field(default_factory=dict)  # likewise, against reference
    failures: list[str] = field(default_factory=list)  # the first few problems

    @property
    def unequal(self) -> int:
        """All unequal elements, wherever they were seen."""
        return self.litert + sum(self.tiers.values())


def main() -> int:
    """Count, print the table, save it; return the exit status."""
    options = parse()
    console = Console()
    if not console.is_terminal:
        console.width = 140  # into a file or a log: do not fold the table
    tiers = tiers_named(options.tiers)
    settings = {
        "numerics_version": qd8_reference.NUMERICS_VERSION,
        "machine": platform.processor() or platform.machine(),
        "numpy": np.__version__,
        "first_seed": options.first_seed,
        "tiers": tiers,
        "path": options.path,
        "wanted": {kind: getattr(options, kind) for kind in KINDS},
    }
    counts = resumed(options.json, settings) if options.resume else []
    done = {(count.operator, count.family) for count in counts}
    work = [item for item in planned(options) if item[:2] not in done]
    columns = ("{task.description:32}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("", total=sum(item[2] for item in work))
        for kind, family, number in work:
            progress.update(bar, description=f"{kind} {family}")
            count = Count(kind, family, tiers=dict.fromkeys(tiers, 0))
            for problem in problems(kind, family, number, options.first_seed):
                judge(problem, count, options.path)
                progress.advance(bar)
            counts.append(count)
            save(options.json, settings, counts)
    console.print(table(counts, tiers))
    for count in counts:
        for failure in count.failures:
            console.print(f"[red]unequal:[/] {failure}")
    unequal = sum(count.unequal for count in counts)
    console.print(
        f"{unequal} unequal elements in {sum(c.problems for c in counts)} problems"
        f"; saved to {options.json}"
    )
    return 1 if unequal else 0


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.deep", description=__doc__)
    for kind, default in (("fc", 5000), ("conv", 5000), ("fc16", 1000)):
        parser.add_argument(f"--{kind}", type=int, default=default, metavar="N")
    parser.add_argument("--conv16", type=int, default=1000, metavar="N")
    tiers = "all runnable ones, 'reference' for LiteRT alone, or names with commas"
    parser.add_argument("--tiers", default="all", help=tiers)
    path = "direct, winograd or maddubs, wherever they can be; else the schedule's"
    parser.add_argument("--path", default="", help=path)
    parser.add_argument("--first-seed", type=int, default=1_000_000, metavar="SEED")
    parser.add_argument("--json", type=Path, default=Path("build/deep.json"))
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


def tiers_named(names: str) -> list[str]:
    """Return the tiers to count for; an unknown one is an error before any work."""
    if names == "reference":
        return []
    from qd8.kernels import isa

    if names == "all":
        return list(isa.runnable())
    for name in names.split(","):
        with isa.forced(name):
            pass
    return names.split(",")


def planned(options: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    """Yield operator, family and number of problems."""
    for kind, (_, families, dtype) in KINDS.items():
        wanted = getattr(options, kind)
        if wanted == 0:
            continue
        names = families(dtype)
        number = -(-wanted // len(names))
        if wanted >= 1000:
            number = max(number, AT_LEAST)
        for family in (*names, NON_FINITE):
            yield kind, family, number


def problems(kind: str, family: str, number: int, first: int) -> Iterator[Problem]:
    """Yield so many problems of a family, by ascending seed."""
    builder, _, dtype = KINDS[kind]
    for seed in range(first, first + number):
        yield builder.generate(seed, family, dtype=dtype)


def judge(problem: Problem, count: Count, path: str) -> None:
    """Compare one problem everywhere and add to the count."""
    count.problems += 1
    before = count.unequal
    options = litert_options(problem)
    expected = reference_steps(problem, **options)
    if problem.family != NON_FINITE and litert_judges(problem):
        output = litert_output(problem, threads=1 + problem.seed % 2)
        count.judged += 1
        count.elements += output.size
        count.litert += differing(expected.output, output)
    for tier in count.tiers:
        count.tiers[tier] += unequal_on(tier, path, problem, expected, options)
        if options:  # float16 convolution: R16 above, the exact scale here
            exact = reference_steps(problem)
            count.tiers[tier] += unequal_on(tier, path, problem, exact, {})
    if count.unequal > before and len(count.failures) < 3:
        count.failures.append(repr(problem))


def unequal_on(
    tier: str,
    path: str,
    problem: Problem,
    expected: object,
    options: dict[str, str],
) -> int:
    """Count the unequal elements of output and steps on one tier."""
    import qd8
    from qd8.kernels import isa

    with isa.forced(tier), forced(path), qd8.threads(1 + problem.seed % 2):
        operator = layer(problem, **options)
        output, steps = operator(problem.x), operator.steps(problem.x)
    unequal = differing(expected.output, output)
    pairs = zip(expected, steps, strict=True)
    return unequal + sum(differing(*pair) for pair in pairs)


def forced(path: str) -> AbstractContextManager[None]:
    """Force a path, unless it is "", the schedule's own choice."""
    from qd8.kernels import schedule

    return schedule.forced(path) if path else nullcontext()


def differing(expected: np.ndarray, actual: np.ndarray) -> int:
    """Count unequal elements; another dtype or shape makes all of them unequal."""
    if (expected.dtype, expected.shape) != (actual.dtype, actual.shape):
        return max(expected.size, 1)
    return int(unequal_bits(expected, actual).sum())


def resumed(path: Path, settings: dict) -> list[Count]:
    """Return the counts of an interrupted run of the very same settings."""
    if not path.exists():
        return []
    saved = json.loads(path.read_text())
    if saved["settings"] != settings:
        sys.exit(f"{path} was counted with other settings: {saved['settings']}")
    return [Count(**row) for row in saved["counts"]]


def save(path: Path, settings: dict, counts: list[Count]) -> None:
    """Write the counts so that the file is either the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(count) for count in counts]
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=path.name, suffix=".tmp", delete=False
    ) as file:
        json.dump({"settings": settings, "counts": rows}, file, indent=1)
    os.replace(file.name, path)


def table(counts: list[Count], tiers: list[str]) -> Table:
    """Lay the counts out, with a total for each operator."""
    result = Table(title="Unequal elements (0 everywhere is the contract)")
    result.add_column("operator")
    result.add_column("family")
    for name in ("problems", "by LiteRT", "elements", "reference\nvs LiteRT"):
        result.add_column(name, justify="right")
    for tier in tiers:
        result.add_column(f"{tier} vs\nreference", justify="right")
    for kind in KINDS:
        rows = [count for count in counts if count.operator == kind]
        for count in rows:
            result.add_row(kind, count.family, *numbers([count], tiers))
        if rows:
            total = numbers(rows, tiers)
            result.add_row(kind, "all", *total, style="bold", end_section=True)
    return result


def numbers(counts: list[Count], tiers: list[str]) -> list[str]:
    """Return the sums of a table row; what nobody judged is a dash, not a zero."""
    judged = sum(count.judged for count in counts)
    litert = f"{sum(count.litert for count in counts):,}" if judged else "-"
    return [
        f"{sum(count.problems for count in counts):,}",
        f"{judged:,}",
        f"{sum(count.elements for count in counts):,}",
        litert,
        *(f"{sum(count.tiers[tier] for count in counts):,}" for tier in tiers),
    ]


if __name__ == "__main__":
    sys.exit(main())
