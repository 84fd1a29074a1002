"""Measure one tier with one number of threads, in this process; rows as JSON.

The parent (`__main__`) starts it once for each, because what it sets holds for a
process: the tier, the core it is pinned to, OpenBLAS's threads. One thread: pinned,
strictly in turns with each peer. More: in blocks, not pinned (turns.py says why).
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import NamedTuple

from asv_bench.benchmarks.layers import Layer, Problem, operator, problem
from asv_bench.benchmarks.turns import Turns, alternate, in_blocks


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine on one layer.

    best_s, median_s : seconds of a call (of a block's median call, where in blocks)
    qd8_s : qd8's median seconds in the same turns
    ratio : how many times qd8's time this engine takes, the median over turns; None
        for qd8 itself
    sqnr_db : against float64 from the float weights
    unequal : elements of qd8's answer that have other bits than XNNPACK's; None for
        peers, for float32 (R20 is our own), and where XNNPACK cannot run
    failure : why there are no numbers, empty if there are
    """

    layer: str
    shape: str
    macs: int
    threads: int
    tier: str
    engine: str
    best_s: float | None = None
    median_s: float | None = None
    qd8_s: float | None = None
    ratio: float | None = None
    sqnr_db: float | None = None
    unequal: int | None = None
    failure: str = ""


class Plan(NamedTuple):
    """What to measure, and how often.

    pairs : of single calls, on one thread; blocks, calls : otherwise
    """

    layers: list[Layer]
    peers: list[str]
    threads: int
    pairs: int = 30
    blocks: int = 9
    calls: int = 7

    def turns(self, a: Callable[[], object], b: Callable[[], object]) -> Turns:
        """Let A and B take turns."""
        if self.threads == 1:
            return alternate(a, b, self.pairs)
        return in_blocks(a, b, self.blocks, self.calls)


def pin() -> int:
    """Keep this thread, and those it starts, on the last core it may use."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def measure(plan: Plan, done: Callable[[str], None]) -> dict[str, object]:
    """Return the port limit, and rows as dicts."""
    import qd8
    from asv_bench.peers import port_limit
    from qd8.kernels import isa

    with qd8.threads(plan.threads):
        tier = isa.current().name
        precisions = dict.fromkeys(layer.precision for layer in plan.layers)
        first = [port_limit.measure(plan.threads, each) for each in precisions]
        rows = []
        for layer in plan.layers:
            rows.extend(_layer(plan, layer))
            done(f"{layer.name} on {plan.threads} thread(s), tier {tier}")
        # The better of two moments: a virtual machine's two cores may for a while be
        # one core's two hardware threads, and then reach half.
        last = [port_limit.measure(plan.threads, each) for each in precisions]
    limits = [
        max(pair, key=lambda each: each.gmacs) for pair in zip(first, last, strict=True)
    ]
    return {
        "limits": [each._asdict() for each in limits],
        "rows": [asdict(row) for row in rows],
    }


def _layer(plan: Plan, layer: Layer) -> Iterable[Measured]:
    """Yield qd8's row, then a row for each peer that has the operator."""
    from asv_bench.benchmarks.measured import count_unequal
    from asv_bench.peers.qd8_float32 import operator as float32
    from asv_bench.peers.table import PEERS, XNNPACK
    from asv_bench.peers.truth import in_float64, sqnr
    from qd8.kernels import isa

    data: Problem = problem(layer)
    truth = in_float64(data)
    quantized = layer.precision == "int8"
    ours = operator(data) if quantized else float32(data, plan.threads)
    y = ours(data.x)
    about = (layer.name, layer.shape, layer.macs, plan.threads, isa.current().name)
    rows, taken, unequal = [], {}, None
    for peer in PEERS:
        if peer.name not in plan.peers or layer.precision not in peer.precisions:
            continue
        try:
            engine = _built(peer, data, plan.threads)
            if engine is None:
                continue
            turns = plan.turns(lambda: ours(data.x), engine.invoke)
            theirs = engine.output()
        except Exception as error:  # a peer's trouble is a line of the report
            text = f"{type(error).__name__}: {error}"
            rows.append(Measured(*about, peer.name, failure=text.splitlines()[0]))
            continue
        if peer.name == XNNPACK and quantized:
            unequal = count_unequal(theirs, y)
        taken[peer.name] = turns
        rows.append(
            Measured(
                *(*about, peer.name, turns.best_b, median(turns.b), median(turns.a)),
                ratio=turns.ratio,
                sqnr_db=sqnr(truth, theirs),
            )
        )
    if not taken:
        alone = plan.turns(lambda: ours(data.x), lambda: None)
        taken[XNNPACK] = alone
    # qd8's own row is from its turns with XNNPACK: a cache that the peer has filled
    # is part of the comparison, and the same peer makes rows comparable.
    turns = taken.get(XNNPACK) or next(iter(taken.values()))
    time = median(turns.a)
    quality = {"sqnr_db": sqnr(truth, y), "unequal": unequal}
    yield Measured(*about, "qd8", turns.best_a, time, time, **quality)
    yield from rows


def _built(peer, data: Problem, threads: int):
    """The peer's engine; None where it has no such operator."""
    from asv_bench.peers.engine import Unsupported

    try:
        return peer.build(data, threads)
    except Unsupported:
        return None


def main() -> None:
    """Read a plan from stdin as JSON, write the result to the file it names."""
    wanted = json.load(sys.stdin)
    if wanted["plan"]["threads"] == 1 and hasattr(os, "sched_setaffinity"):
        pin()
    from asv_bench.benchmarks.layers import BY_NAME

    wanted["plan"]["layers"] = [BY_NAME[name] for name in wanted["plan"]["layers"]]

    def done(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found = measure(Plan(**wanted["plan"]), done)
    with open(wanted["to"], "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
