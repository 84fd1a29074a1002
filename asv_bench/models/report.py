"""The tables of whole models, and the claims that are read from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from statistics import median
from typing import Any, NamedTuple

from asv_bench.models.engines import (
    BUILTIN,
    ENGINES,
    LITERT,
    LITERT_FP32,
    LITERT_QS8,
    LITERT_X,
    OPENVINO,
    QD8,
    QD8_F16,
    QD8_FP32,
)
from qd8.graph.table import Table


@dataclass(frozen=True, slots=True)
class Timed:
    """One engine with one model.

    rounds : seconds, turn by turn; engines of one model and ``threads`` took turns
    beside : {peer: seconds of this engine and of the peer, in turns of these two}
    db : its answer against LiteRT's in float32
    """

    model: str
    threads: int
    engine: str
    best_s: float | None = None
    rounds: Sequence[float] = ()
    db: float | None = None
    failure: str = ""
    beside: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)

    @property
    def median_s(self) -> float | None:
        """Seconds of the median turn."""
        return median(self.rounds) if self.rounds else None


@dataclass(frozen=True, slots=True)
class Resident:
    """Memory and load time of one engine with one model, in a process of its own.

    ready_s : loaded, and called once
    model_mb : 10^6 bytes that the process held at most beyond those it held before
    to_litert : peak_mb by LiteRT's on the same file
    """

    model: str
    engine: str
    threads: int
    file_mb: float = field(metadata={"title": "file MB", "format": "{:,.1f}".format})
    peak_mb: float = field(metadata={"title": "peak MB", "format": "{:,.1f}".format})
    model_mb: float = field(
        metadata={"title": "of the model MB", "format": "{:,.1f}".format}
    )
    to_litert: float | None = field(
        metadata={"title": "by LiteRT's", "format": "{:.2f}".format}
    )
    load_s: float = field(metadata={"title": "load s", "format": "{:.3f}".format})
    ready_s: float = field(metadata={"title": "ready s", "format": "{:.3f}".format})


class Claim(NamedTuple):
    """A peer's time by qd8's; of several peers, that of the fastest."""

    title: str
    peers: tuple[str, ...]
    ours: str = QD8


CLAIMS = (
    Claim("QD8-F32: LiteRT QD8", (LITERT, LITERT_X)),
    Claim("FP32: LiteRT FP32", (LITERT_FP32,), QD8_FP32),
    Claim("QD8-F32: own QD8-F16", (QD8_F16,)),
    Claim("QD8-F32: LiteRT FP32", (LITERT_FP32,)),
    Claim("QD8-F32: TFLite DQ kernels", (BUILTIN,)),
    Claim("QD8-F32: LiteRT QS8", (LITERT_QS8,)),
    Claim("QD8-F32: OpenVINO int8", (OPENVINO,)),
)


def ratio(rows: Sequence[Timed], claim: Claim) -> float | None:
    """How many times ours the fastest peer takes: the median over turns.

    Turns of the two alone where there were such, else those of all engines.
    """
    of = {row.engine: row for row in rows if row.rounds}
    if claim.ours not in of:
        return None
    ours = of[claim.ours]
    pairs = [
        ours.beside.get(name) or list(zip(ours.rounds, of[name].rounds, strict=True))
        for name in claim.peers
        if name in of
    ]
    if not pairs:
        return None
    fastest = min(pairs, key=lambda turns: median(theirs for _, theirs in turns))
    return median(theirs / own for own, theirs in fastest)


def tables(rows: Sequence[Timed], about: str) -> list[Table[Any]]:
    """Return times and ratios for each number of threads, then the answers' quality."""
    found = []
    for threads in sorted({row.threads for row in rows}):
        models: dict[str, list[Timed]] = {}
        for row in rows:
            if row.threads == threads:
                models.setdefault(row.model, []).append(row)
        found += [_times(models, threads, about), _ratios(models, threads)]
    return found + _agreements(rows)


def _times(models: Mapping[str, list[Timed]], threads: int, about: str) -> Table[Any]:
    ran = {row.engine for rows in models.values() for row in rows}
    names = [engine.name for engine in ENGINES if engine.name in ran]
    line = _line(["model", *names])
    lines = []
    for model, rows in models.items():
        of = {row.engine: row for row in rows}
        lines.append(line(model, *(_time(of.get(name)) for name in names)))
    title = f"Whole models, {threads} thread(s): milliseconds, median (best)"
    return Table(lines, title, about)


def _ratios(models: Mapping[str, list[Timed]], threads: int) -> Table[Any]:
    line = _line(["model", *(claim.title for claim in CLAIMS)])
    lines = []
    for model, rows in models.items():
        cells = [ratio(rows, claim) for claim in CLAIMS]
        texts = ["" if cell is None else f"{cell:.2f}" for cell in cells]
        lines.append(line(model, *texts))
    return Table(
        lines,
        f"Whole models, {threads} thread(s): a peer's time by qd8's, median of turns",
        "left of the colon what of qd8, right of it the peer; above 1 qd8 is faster; "
        "at one thread the two alone took turns; "
        "LiteRT QD8 is the faster of the stock file and that with float depthwise",
    )


def _agreements(rows: Sequence[Timed]) -> list[Table[Any]]:
    """Return the table of how near answers are; none if LiteRT's float32 is missing."""
    found = {(row.model, row.engine): row.db for row in rows if row.db is not None}
    if not found:
        return []
    ran = {engine for _, engine in found}
    names = [engine.name for engine in ENGINES if engine.name in ran]
    line = _line(["model", *names])
    lines = []
    for model in dict.fromkeys(model for model, _ in found):
        cells = [found.get((model, name)) for name in names]
        lines.append(line(model, *("" if x is None else f"{x:.1f}" for x in cells)))
    return [
        Table(
            lines,
            "Whole models: answers against LiteRT's in float32, dB",
            "10 log10 of the power of its answer by that of the difference, one image",
        )
    ]


def _line(titles: Sequence[str]) -> Any:
    fields = [
        (f"column{i}", str, field(metadata={"title": title}))
        for i, title in enumerate(titles)
    ]
    return make_dataclass("Line", fields, frozen=True)


def _time(row: Timed | None) -> str:
    if row is None:
        return ""
    if row.median_s is None or row.best_s is None:
        return "failed"
    return f"{1e3 * row.median_s:.1f} ({1e3 * row.best_s:.1f})"


def resident(rows: Sequence[Resident]) -> Table[Resident]:
    """Return the table of memory and load times."""
    return Table(
        rows,
        "Memory and load time, each in a process of its own",
        "ready: loaded and called once, kernels from the cache; of the model: beyond "
        "what the process held with the engine imported",
    )


def failures(rows: Sequence[Timed]) -> list[str]:
    """Return a line for each engine that did not run a model."""
    return [
        f"{row.engine} on {row.model}, {row.threads} thread(s): {row.failure}"
        for row in rows
        if row.failure
    ]
