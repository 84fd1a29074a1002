"""``python -m tests.deep``: large counts of unequal elements, 0 of which there may be.

Without --path: every family of inputs against LiteRT and the reference, as the
schedule chooses. With --path NAME: the paths whose name the expression finds, each
forced in turn, against the reference. Exits non-zero if an element differs anywhere.
Saves as it goes, so that an interrupted count goes on with --resume; --first-seed
counts problems that nobody has seen.
"""

import argparse
import platform
import sys
from pathlib import Path

import numpy as np
import qd8_reference
from rich.console import Console


def main() -> int:
    """Count what is asked for; return the exit status."""
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
    }
    if options.path:
        from tests.deep.forced import count
    else:
        from tests.deep.judged import count
    return 1 if count(options, tiers, settings, console) else 0


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.deep", description=__doc__)
    for kind, default in (("fc", 5000), ("conv", 5000), ("fc16", 1000)):
        parser.add_argument(f"--{kind}", type=int, default=default, metavar="N")
    parser.add_argument("--conv16", type=int, default=1000, metavar="N")
    tiers = "all runnable ones, 'reference' for LiteRT alone, or names with commas"
    parser.add_argument("--tier", dest="tiers", default="all", help=tiers)
    path = "regular expression of names in tests/deep/paths.py; '.' for every path"
    parser.add_argument("--path", default="", help=path)
    number = "of each path (default: %(default)s)"
    parser.add_argument("--problems", type=int, default=2000, metavar="N", help=number)
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


if __name__ == "__main__":
    sys.exit(main())
