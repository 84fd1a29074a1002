"""One revision of qd8 in a process: prepares cases, hashes them, times blocks.

It reads a command a line from stdin and answers with a line on stdout, both JSON.
While it is not asked it sleeps, so the other revision has the machine.
"""

import json
import os
import sys
from typing import Any

import qd8
from asv_bench.benchmarks.turns import block
from asv_bench.benchmarks.waiting import watched
from asv_bench.compare.cases import Case, Ready, digest, prepare

CPUS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever prints does not disturb the answers
    print(json.dumps({"qd8": qd8.__file__}), file=answers)
    ready: Ready | None = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if "prepare" in command:
                case = Case(*command["prepare"])
                ready = _prepared(case)
                answer: dict[str, Any] = {"bits": digest(ready.answers())}
            else:
                call, calls = ready.call, command["block"]
                share, times = watched(lambda: block(call, calls))  # noqa: B023
                answer = {"seconds": times, "waited": share}
        except Exception as error:  # the parent decides what it means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)


def _prepared(case: Case) -> Ready:
    """Pin this thread for one thread's work, then build and call once.

    Threads that Numba starts inherit where they may run: they start unpinned.
    """
    if CPUS:
        os.sched_setaffinity(0, {max(CPUS)} if case.threads == 1 else CPUS)
    ready = prepare(case)
    ready.call()
    return ready


if __name__ == "__main__":
    main()
