"""Every path of kernels against the reference, forced in turn, on every tier.

Prints problems and unequal elements of each path on each tier; a problem is the same
on all of them, and follows from its seed alone.
"""

import argparse
import re
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from qd8.kernels import isa
from tests.deep.counts import differing, resumed, save
from tests.deep.paths import PATHS, Path


@dataclass
class Count:
    """What was compared for one path, and how much of it differed."""

    path: str
    problems: int = 0
    elements: int = 0  # of the outputs, on one tier
    tiers: dict[str, int] = field(default_factory=dict)  # unequal elements
    failures: list[str] = field(default_factory=list)  # the first few problems


def count(
    options: argparse.Namespace, tiers: list[str], settings: dict, console: Console
) -> int:
    """Count, print the table, save it; return the number of unequal elements."""
    paths = [path for path in PATHS if re.search(options.path, path.name)]
    if not paths:
        raise SystemExit(f"no path is named like {options.path!r}")
    settings |= {"path": options.path, "problems": options.problems}
    saved = resumed(options.json, settings) if options.resume else []
    counts = [Count(**row) for row in saved]
    done = {each.path for each in counts}
    paths = [path for path in paths if path.name not in done]
    seeds = range(options.first_seed, options.first_seed + options.problems)
    columns = ("{task.description:32}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("", total=len(paths) * len(seeds))
        for path in paths:
            progress.update(bar, description=path.name)
            here = [name for name in tiers if name in path.tiers]
            found = Count(path.name, tiers=dict.fromkeys(here, 0))
            for seed in seeds:
                compare(path, seed, found)
                progress.advance(bar)
            counts.append(found)
            save(options.json, settings, counts)
    console.print(table(counts, tiers))
    for failure in (failure for each in counts for failure in each.failures):
        console.print(f"[red]unequal:[/] {failure}")
    unequal = sum(sum(each.tiers.values()) for each in counts)
    elements = sum(each.elements * len(each.tiers) for each in counts)
    console.print(
        f"{unequal} unequal elements, {elements:,} outputs compared, seeds from "
        f"{options.first_seed}; saved to {options.json}"
    )
    return unequal


def compare(path: Path, seed: int, found: Count) -> None:
    """Compare one problem on each tier of the count and add to it."""
    problem = path.problem(seed)
    expected = path.expected(problem)
    found.problems += 1
    found.elements += expected[0].size
    for tier in found.tiers:
        with isa.forced(tier):
            actual = path.actual(problem)
        pairs = zip(expected, actual, strict=True)
        unequal = sum(differing(*pair) for pair in pairs)
        found.tiers[tier] += unequal
        if unequal and len(found.failures) < 3:
            found.failures.append(f"{path.name} on {tier}, seed {seed}: {problem!r}")


def table(counts: list[Count], tiers: list[str]) -> Table:
    """Lay the counts out; a tier that has no such path is a dash."""
    result = Table(title="Unequal elements, outputs and every step (0 is the contract)")
    result.add_column("path")
    for name in ("problems", "outputs", *tiers):
        result.add_column(name, justify="right")
    for each in counts:
        cells = [f"{each.tiers[t]:,}" if t in each.tiers else "-" for t in tiers]
        result.add_row(each.path, f"{each.problems:,}", f"{each.elements:,}", *cells)
    return result
