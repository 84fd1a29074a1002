"""`make bench-history COMMITS=10`: the suite on past commits, so that there are lines.

Commits that changed qd8 are taken evenly, from the first with the names that the suite
calls to the newest. What is stored already is not run again.
"""

import argparse
import sys

from asv_bench import revision, run

#: A commit counts from when this file has this name, the last that the suite needs.
NEEDED = "qd8/__init__.py", "set_num_threads"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m asv_bench.history", description=__doc__
    )
    parser.add_argument(
        "commits", nargs="+", help="how many, or which: a number or revisions"
    )
    parser.add_argument("--bench", default=".", help="regular expression of names")
    parser.add_argument("--again", action="store_true", help="also what is stored")
    chosen = parser.parse_args(arguments)
    shas = commits(chosen.commits)
    status = 0
    for i, sha in enumerate(shas, 1):
        if run.result_file(sha).exists() and not chosen.again:
            print(f"{sha[:10]}: stored already ({i} of {len(shas)})")
            continue
        print(f"{sha[:10]}: {revision.git('log', '-1', '--format=%s', sha)}")
        found = run.measure(revision.checkout(sha), chosen.bench)
        if run.report(sha, found) and not found.measured:
            status = 1  # an older version may fail in parts; it must not be silent
    return status


def commits(wanted: list[str]) -> list[str]:
    """Return hashes, oldest first: the named revisions, or so many of the history."""
    if len(wanted) > 1 or not wanted[0].isdigit():
        return [revision.git("rev-parse", "--verify", name) for name in wanted]
    file, name = NEEDED
    start = revision.git("log", "--format=%H", f"-S{name}", "--", file).splitlines()[-1]
    later = revision.git("rev-list", "--reverse", f"{start}..HEAD", "--", "qd8")
    return evenly([start, *later.splitlines()], int(wanted[0]))


def evenly(items: list[str], count: int) -> list[str]:
    """Return ``count`` items, evenly spread, the first and the last among them.

    Raises
    ------
    ValueError
        If there are fewer, or none is asked for.
    """
    if not 1 <= count <= len(items):
        raise ValueError(f"{count} commits asked for; there are 1 to {len(items)}")
    if count == 1:
        return items[-1:]
    last = len(items) - 1
    return [items[round(i * last / (count - 1))] for i in range(count)]


if __name__ == "__main__":
    sys.exit(main())
