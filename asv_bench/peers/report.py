"""The peers' table, its JSON, and what must not be."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import field, make_dataclass
from typing import Any

from asv_bench.benchmarks.layers import BY_NAME, FullyConnectedLayer
from asv_bench.peers.measure import Measured
from asv_bench.peers.table import PEERS, XNNPACK
from qd8.graph.table import Table

Limits = dict[tuple[str, int, str], float]  # (tier, threads, precision): GMAC/s


def gmacs(row: Measured, best: bool = False) -> float:
    """1e9 multiply-adds a second, of the median call or the best."""
    return row.macs / (row.best_s if best else row.median_s) / 1e9


def tables(rows: Sequence[Measured], limits: Limits, seen: str) -> list[Table[Any]]:
    """Return a table for each tier, kind of layer and number of threads.

    ``seen`` says which CPU the engines saw.

    A line is a layer: qd8's GMAC/s (best and median), its share of the port limit and
    its SQNR; then each peer's time by qd8's, with the peer's SQNR.
    """
    groups: dict[tuple[str, int, str], list[Measured]] = {}
    for row in rows:
        groups.setdefault((row.tier, row.threads, kind(row)), []).append(row)
    return [_table(group, limits, seen, *key) for key, group in groups.items()]


def kind(row: Measured) -> str:
    """Which layers a table and a plot hold."""
    layer = BY_NAME[row.layer]
    if layer.precision == "float32":
        return "float32"
    dense = isinstance(layer, FullyConnectedLayer)
    return "fully connected" if dense else "convolution"


def _table(
    rows: list[Measured],
    limits: Limits,
    seen: str,
    tier: str,
    threads: int,
    layers: str,
) -> Table[Any]:
    limit = limits[tier, threads, BY_NAME[rows[0].layer].precision]
    engines = [p.name for p in PEERS if any(r.engine == p.name for r in rows)]
    # Every field is text but qd8's: "1.46 (41.9)" is one cell, so that a line fits.
    line = make_dataclass(
        "Line",
        [
            ("layer", str),
            ("shape", str, field(metadata={"title": "layer is"})),
            ("best", float, _format("best", "{:.0f}")),
            ("median", float, _format("median", "{:.0f}")),
            ("share", float, _format("of limit", "{:.0%}")),
            ("sqnr", float, _format("dB", "{:.1f}")),
            ("unequal", int, _format("unequal", "{}")),
            *((f"peer{i}", str, _format(n, "{}")) for i, n in enumerate(engines)),
        ],
        frozen=True,
    )
    lines = []
    for name in dict.fromkeys(row.layer for row in rows):
        of = {row.engine: row for row in rows if row.layer == name}
        ours = of["qd8"]
        best = gmacs(ours, best=True)
        quality = (best / limit, ours.sqnr_db, ours.unequal)
        cells = [_cell(of.get(engine)) for engine in engines]
        about = (name, ours.shape, best, gmacs(ours))
        lines.append(line(*about, *quality, *cells))
    means = [geometric_mean(_ratios(rows, engine)) for engine in engines]
    blank: list[Any] = [None] * 5
    cells = [f"{mean:.2f}" if mean else "" for mean in means]
    lines.append(line("geometric mean", "", *blank, *cells))
    return Table(
        lines,
        f"{layers.capitalize()}, {threads} thread(s), tier {tier}: qd8 in GMAC/s; "
        "then each peer's time by qd8's (its SQNR in dB)",
        f"port limit of {tier} on {threads} thread(s): {limit:.0f} GMAC/s; "
        f"unequal: elements with other bits than {XNNPACK}'s; {seen}",
    )


def _format(title: str, text: str) -> Any:
    return field(metadata={"title": title, "format": text.format})


def _cell(row: Measured | None) -> str:
    if row is None:
        return ""
    return "failed" if row.failure else f"{row.ratio:.2f} ({row.sqnr_db:.1f})"


def _ratios(rows: Iterable[Measured], engine: str) -> list[float]:
    return [r.ratio for r in rows if r.engine == engine and r.ratio is not None]


def geometric_mean(ratios: Sequence[float]) -> float | None:
    """The geometric mean; None of nothing."""
    if not ratios:
        return None
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def problems(rows: Sequence[Measured]) -> list[str]:
    """Return what must not be: a sentence for each, none if all is well."""
    found = [
        f"{row.layer} ({row.threads} threads, {row.tier}): {row.unequal} elements "
        f"have other bits than {XNNPACK}'s"
        for row in rows
        if row.unequal
    ]
    return found if rows else ["nothing was measured"]


def failures(rows: Sequence[Measured]) -> list[str]:
    """Return a line for each peer that did not run a layer it should have."""
    return [
        f"{row.engine} on {row.layer}, {row.threads} thread(s): {row.failure}"
        for row in rows
        if row.failure
    ]
