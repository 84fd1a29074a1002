"""GMAC/s of every engine on every layer, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asv_bench.benchmarks.layers import BY_NAME
from asv_bench.peers.measure import Measured
from asv_bench.peers.report import Limits, gmacs, kind
from asv_bench.peers.table import PEERS

MARKS = dict(zip([p.name for p in PEERS], "sPDdvX^o", strict=True))
COLOURS = {engine: f"C{n}" for n, engine in enumerate(MARKS)}  # C3 is too like ours
COLOURS["onnxruntime static"] = "C8"


def draw(rows: Sequence[Measured], limits: Limits, title: str) -> Any:
    """Return a figure: a row of plots for each tier and kind, a column for threads.

    A layer is a line, an engine a mark, the right is faster; the dotted line is the
    port limit.
    """
    from matplotlib.figure import Figure

    ran = [row for row in rows if not row.failure]
    threads = sorted({row.threads for row in ran})
    kinds = list(dict.fromkeys((row.tier, kind(row)) for row in ran))
    lines = [
        len({r.layer for r in ran if (r.tier, kind(r)) == (tier, of)})
        for tier, of in kinds
    ]
    inches = [0.36 * count + 1 for count in lines]
    figure = Figure(figsize=(7 * len(threads) + 3, sum(inches) + 1))
    plots = figure.subplots(
        len(kinds), len(threads), squeeze=False, height_ratios=inches
    )
    for line, (tier, of) in zip(plots, kinds, strict=True):
        for plot, count in zip(line, threads, strict=True):
            some = [
                row
                for row in ran
                if (row.tier, row.threads, kind(row)) == (tier, count, of)
            ]
            if some:
                _plot(plot, some)
                limit = limits[tier, count, BY_NAME[some[0].layer].precision]
                plot.axvline(limit, color="0.6", linestyle=":")
            plot.set_title(f"{count} thread(s), qd8 on {tier}", fontsize=9)
    handles: dict[str, Any] = {}
    for plot in plots.flat:
        for handle, label in zip(*plot.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(handles.values(), handles, loc="lower center", ncols=5, fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(rect=(0, 0.05, 1, 0.99))
    return figure


def _plot(plot: Any, rows: list[Measured]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator

    layers = list(dict.fromkeys(row.layer for row in rows))
    for engine in dict.fromkeys(row.engine for row in rows):
        some = [row for row in rows if row.engine == engine]
        ours = engine == "qd8"
        plot.scatter(
            [gmacs(row) for row in some],
            [layers.index(row.layer) for row in some],
            marker="*" if ours else MARKS[engine],
            s=140 if ours else 28,
            color="crimson" if ours else COLOURS[engine],
            zorder=3 if ours else 2,
            label=engine,
        )
    shapes = {row.layer: row.shape for row in rows}
    plot.set_yticks(
        range(len(layers)), [f"{name}\n{shapes[name]}" for name in layers], fontsize=7
    )
    plot.invert_yaxis()
    plot.set_xscale("log")
    plot.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plot.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    plot.xaxis.set_minor_formatter("")
    plot.set_xlabel("GMAC/s, median", fontsize=8)
    plot.grid(True, axis="both", color="0.9")
    plot.set_axisbelow(True)


def write(rows: Sequence[Measured], limits: Limits, title: str, path: Path) -> None:
    """Draw, and write a PNG."""
    draw(rows, limits, title).savefig(path, dpi=130)
