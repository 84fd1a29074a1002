"""Name what got slower, or changed bits, between a base revision and this checkout.

Silent on stdout, with exit status 0, where there is nothing to name. Status 1: there
is. Status 2: nothing was compared, which is an error and not a success.
"""

import argparse
import re
import sys

from asv_bench import revision
from asv_bench.compare import judge
from asv_bench.compare.cases import Case, cases
from asv_bench.compare.judge import Finding, Timed
from asv_bench.compare.turns import Pair
from asv_bench.revision import Revision
from qd8.terminal import progress


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m asv_bench.compare", description=__doc__
    )
    parser.add_argument("base", help="a revision, such as HEAD~1 or main")
    parser.add_argument("--only", default=".", help="regular expression of cases")
    parser.add_argument("--factor", type=float, default=judge.FACTOR)
    parser.add_argument("--turns", type=int, default=11, help="blocks of each")
    parser.add_argument("--list", action="store_true", help="list the cases")
    chosen = parser.parse_args(arguments)
    wanted = [case for case in cases() if re.search(chosen.only, case.name)]
    if chosen.list:
        print("\n".join(case.name for case in wanted))
        return 0
    if not wanted:
        print(f"no case matches {chosen.only!r}: nothing compared", file=sys.stderr)
        return judge.verdict(0, [])
    try:
        base = revision.checkout(chosen.base)
    except ValueError as error:
        print(f"BASE: {error}", file=sys.stderr)
        return judge.verdict(0, [])
    head = revision.working_tree()
    found, timed, absent = first_look(base, head, wanted, chosen.turns)
    suspects = [each for each in timed if judge.slower(each, chosen.factor)]
    found += confirmed(base, head, wanted, suspects, chosen.factor, chosen.turns)
    for name, what in found:
        print(f"{name}: {what}")
    compared = len(wanted) - len(absent)
    text = f"{compared} cases compared with {chosen.base} ({base.sha[:10]})"
    print(f"{text}, {len(found)} found wanting", file=sys.stderr)
    for line in absent:
        print(line, file=sys.stderr)
    return judge.verdict(compared, found)


def first_look(
    base: Revision, head: Revision, wanted: list[Case], turns: int
) -> tuple[list[Finding], list[Timed], list[str]]:
    """Return changed bits and failures, all timings, and what base does not have."""
    found: list[Finding] = []
    timed: list[Timed] = []
    absent: list[str] = []
    with Pair(base, head) as pair, progress("comparing", len(wanted)) as done:
        for case in wanted:
            theirs, ours = pair.prepare(case)
            if "error" in ours:
                found.append(Finding(case.name, f"fails: {ours['error']}"))
            elif "error" in theirs:
                absent.append(f"{case.name}: not in base ({theirs['error']})")
            else:
                wrong = judge.changed_bits(case.name, theirs["bits"], ours["bits"])
                found += [wrong] if wrong else []
                timed += [pair.time(case, turns)] if case.timed else []
            done("")
    return found, timed, absent


def confirmed(
    base: Revision,
    head: Revision,
    wanted: list[Case],
    suspects: list[Timed],
    factor: float,
    turns: int,
) -> list[Finding]:
    """Time the suspects again, in new processes; return those always slower."""
    found = []
    by_name = {case.name: case for case in wanted}
    for first in suspects:
        runs = [first]
        while judge.slower(runs[-1], factor) and len(runs) <= judge.CONFIRMATIONS:
            with Pair(base, head) as pair:
                pair.prepare(by_name[first.name])
                runs.append(pair.time(by_name[first.name], turns))
        if judge.slower(runs[-1], factor):
            found.append(judge.slowdown(runs))
    return found


if __name__ == "__main__":
    sys.exit(main())
