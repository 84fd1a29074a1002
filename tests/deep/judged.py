"""Every family against LiteRT and the reference, on every tier.

Walks over seeds of every family, asks LiteRT and every runnable tier, and counts the
unequal elements: reference against LiteRT (outputs), each tier against the reference
(outputs and all steps). Exits non-zero if a single element differs anywhere.
Saves after every family, so that an interrupted count goes on with ``--resume``;
``--first-seed`` counts on with problems nobody has seen.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from tests.deep.counts import differing, resumed, save
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


def count(
    options: argparse.Namespace, tiers: list[str], settings: dict, console: Console
) -> int:
    """Count, print the table, save it; return the number of unequal elements."""
    settings |= {"wanted": {kind: getattr(options, kind) for kind in KINDS}}
    saved = resumed(options.json, settings) if options.resume else []
    counts = [Count(**row) for row in saved]
    done = {(each.operator, each.family) for each in counts}
    work = [item for item in planned(options) if item[:2] not in done]
    columns = ("{task.description:32}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("", total=sum(item[2] for item in work))
        for kind, family, number in work:
            progress.update(bar, description=f"{kind} {family}")
            found = Count(kind, family, tiers=dict.fromkeys(tiers, 0))
            for problem in problems(kind, family, number, options.first_seed):
                judge(problem, found)
                progress.advance(bar)
            counts.append(found)
            save(options.json, settings, counts)
    console.print(table(counts, tiers))
    for failure in (failure for each in counts for failure in each.failures):
        console.print(f"[red]unequal:[/] {failure}")
    unequal = sum(each.unequal for each in counts)
    console.print(
        f"{unequal} unequal elements in {sum(c.problems for c in counts)} problems"
        f"; saved to {options.json}"
    )
    return unequal


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


def judge(problem: Problem, count: Count) -> None:
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
        count.tiers[tier] += unequal_on(tier, problem, expected, options)
        if options:  # float16 convolution: R16 above, the exact scale here
            exact = reference_steps(problem)
            count.tiers[tier] += unequal_on(tier, problem, exact, {})
    if count.unequal > before and len(count.failures) < 3:
        count.failures.append(repr(problem))


def unequal_on(
    tier: str, problem: Problem, expected: object, options: dict[str, str]
) -> int:
    """Count the unequal elements of output and steps on one tier."""
    import qd8
    from qd8.kernels import isa

    with isa.forced(tier), qd8.threads(1 + problem.seed % 2):
        operator = layer(problem, **options)
        output, steps = operator(problem.x), operator.steps(problem.x)
    unequal = differing(expected.output, output)
    pairs = zip(expected, steps, strict=True)
    return unequal + sum(differing(*pair) for pair in pairs)


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
