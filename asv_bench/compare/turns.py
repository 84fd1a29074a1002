"""Two workers, base and head, that take turns."""

import json
import math
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from asv_bench.compare.cases import Case
from asv_bench.compare.judge import Timed
from asv_bench.revision import Revision

BLOCK_SECONDS = 0.02
FEWEST, MOST = 3, 300  # calls of a block


class Worker:
    """A process that has one revision of qd8; a context manager."""

    def __init__(self, revision: Revision) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "asv_bench.compare.worker"],
            env=revision.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = self._answer()["qd8"]
        if not found.startswith(f"{revision.root}/"):
            self.close()
            raise RuntimeError(f"qd8 should be from {revision.root}, but is {found}")

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command, wait for its answer.

        Raises
        ------
        RuntimeError
            If the process ended instead.
        """
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def block(self, calls: int) -> float:
        """Time a block of the prepared case; the median second of a call."""
        answer = self.ask(block=calls)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return sorted(answer["seconds"])[calls // 2]

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise RuntimeError(f"the worker ended with status {status}")
        return json.loads(line)

    def close(self) -> None:
        """End the process: its input ends."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Pair:
    """Base and head; a context manager."""

    def __init__(self, base: Revision, head: Revision) -> None:
        self._stack = ExitStack()
        self.base = self._stack.enter_context(Worker(base))
        try:
            self.head = self._stack.enter_context(Worker(head))
        except BaseException:
            self._stack.close()
            raise

    def prepare(self, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make a case ready in both; their answers: ``bits``, or ``error``."""
        return self.base.ask(prepare=case), self.head.ask(prepare=case)

    def time(self, case: Case, turns: int) -> Timed:
        """Time the prepared case: base head, head base, ... so that drift cancels."""
        calls = _calls(max(self.base.block(1), self.head.block(1)))
        base, head = [], []
        for turn in range(turns):
            both = [(self.base, base), (self.head, head)]
            for worker, times in both if turn % 2 == 0 else reversed(both):
                times.append(worker.block(calls))
        return Timed(case.name, base, head)

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _calls(seconds: float) -> int:
    return min(MOST, max(FEWEST, math.ceil(BLOCK_SECONDS / seconds)))
