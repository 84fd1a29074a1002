"""All engines of a model in one process, taking turns: seconds of each, as JSON.

One thread: pinned, and every engine is called once in a round; then, for each claim of
the report, qd8 and the peer alone take turns, because in a round of seven engines a
model finds the caches as the six others left them (EfficientNetV2-B0: 4.8 ms, 4.0
beside one peer, 3.7 alone), and the small times lose most by it. More threads: in
blocks, not pinned (benchmarks/turns.py says why), each after a call that is not timed.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from asv_bench.benchmarks.turns import alternate, block, seconds
from asv_bench.benchmarks.waiting import least_disturbed, watched

CALLS = 3  # timed calls of a block


class Wanted(NamedTuple):
    """files : {kind: path}; engines : names; pairs : timed calls of each at least"""

    files: dict[str, str]
    engines: list[str]
    threads: int
    pairs: int


class Found(NamedTuple):
    """What one engine did.

    rounds : seconds of a call in each round, or the median of a block's calls
    beside : {peer: seconds of this engine and of the peer, turn by turn}
    best : seconds of the fastest call
    db : its answer against LiteRT's in float32, 10 log10 of power of signal by noise;
        None of that answer itself, and where the outputs are no real numbers
    failure : why there are no numbers
    """

    rounds: Sequence[float] = ()
    beside: Mapping[str, Sequence[tuple[float, float]]] = {}
    best: float | None = None
    db: float | None = None
    failure: str = ""


def measure(wanted: Wanted) -> dict[str, Found]:
    """Load all engines, call each once, then let them take turns."""
    from asv_bench.models.engines import BY_NAME

    calls, answers, failed = {}, {}, {}
    for name in wanted.engines:
        engine = BY_NAME[name]
        try:
            loaded = engine.load(Path(wanted.files[engine.kind]), wanted.threads)
            loaded.set_inputs()
            loaded.invoke()
            answers[name] = loaded.outputs()
            calls[name] = loaded.invoke
        except Exception as error:  # an engine's trouble is a line of the report
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            failed[name] = Found(failure=text)
    times = in_turns(calls, wanted.threads, wanted.pairs)
    pairs = in_pairs(calls, wanted.pairs) if wanted.threads == 1 else {}
    return failed | {
        name: Found(
            [median(each) for each in rounds],
            pairs.get(name, {}),
            min(map(min, rounds)),
            agreement(answers, name),
        )
        for name, rounds in times.items()
    }


def in_pairs(
    calls: dict[str, Callable[[], object]], pairs: int
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Let the two engines of each claim take turns, nobody else in between.

    Returns
    -------
    {engine: {peer: seconds of both, turn by turn}}
    """
    from asv_bench.models.report import CLAIMS

    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for ours, peer in dict.fromkeys((c.ours, p) for c in CLAIMS for p in c.peers):
        if ours in calls and peer in calls:
            turns = alternate(calls[ours], calls[peer], pairs)
            both = list(zip(turns.a, turns.b, strict=True))
            found.setdefault(ours, {})[peer] = both
    return found


def in_turns(
    calls: dict[str, Callable[[], object]], threads: int, pairs: int
) -> dict[str, list[list[float]]]:
    """Return for each engine the seconds of every call, round by round."""

    def turn() -> list[list[float]]:
        if threads == 1:
            return [[seconds(call)] for call in calls.values()]
        return [block(call, CALLS) for call in calls.values()]

    wanted = pairs if threads == 1 else -(-pairs // CALLS)
    taken = least_disturbed(lambda: watched(turn), wanted)
    return {name: [each[i] for each in taken] for i, name in enumerate(calls)}


def agreement(answers: dict[str, list[Any]], name: str) -> float | None:
    """How near an engine's answer is to LiteRT's in float32, in dB."""
    from asv_bench.models.engines import LITERT_FP32

    truth, given = answers.get(LITERT_FP32), answers[name]
    if truth is None or any(x.dtype.kind != "f" for x in given):
        return None
    signal = sum(float(np.sum(np.square(t, dtype=np.float64))) for t in truth)
    noise = sum(
        float(np.sum(np.square(t.astype(np.float64) - x.reshape(t.shape))))
        for t, x in zip(truth, given, strict=True)
    )
    return None if not (signal and noise) else float(10 * np.log10(signal / noise))


def main() -> None:
    """Read what is wanted from stdin, write what was found to the file it names."""
    given = json.load(sys.stdin)
    wanted = Wanted(**given["wanted"])
    if wanted.threads == 1 and hasattr(os, "sched_setaffinity"):
        from asv_bench.peers.measure import pin

        pin()
    found = {name: each._asdict() for name, each in measure(wanted).items()}
    Path(given["to"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
