"""Two workers, base and head, that take turns."""

import json
import math
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from asv_bench.benchmarks.waiting import least_disturbed
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

    def block(self, calls: int) -> tuple[float, float]:
        """Time a block of the prepared case.

        Returns
        -------
        The share of its time that it waited for a CPU; the median seconds of a call.
        """
        answer = self.ask(block=calls)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["waited"], sorted(answer["seconds"])[calls // 2]

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
        calls = _calls(max(self.base.block(1)[1], self.head.block(1)[1]))
        swapped = False

        def turn() -> tuple[float, tuple[float, float]]:
            nonlocal swapped
            swapped = not swapped
            order = (self.base, self.head) if swapped else (self.head, self.base)
            blocks = {worker: worker.block(calls) for worker in order}
            (a, base), (b, head) = blocks[self.base], blocks[self.head]
            return max(a, b), (base, head)

        taken = least_disturbed(turn, turns)
        return Timed(case.name, [b for b, _ in taken], [h for _, h in taken])

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _calls(seconds: float) -> int:
    return min(MOST, max(FEWEST, math.ceil(BLOCK_SECONDS / seconds)))
