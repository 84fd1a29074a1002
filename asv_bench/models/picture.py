"""The two bar charts of XNNPACK's announcement of dynamic range quantization.

How many times faster than float32, and than TFLite's own dynamically quantized
kernels. Full-integer inference is LiteRT's bar: qd8 has none.
Source: blog.tensorflow.org, "Faster Dynamically Quantized Inference with XNNPack",
April 2024.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from asv_bench.models.engines import (
    BUILTIN,
    LITERT,
    LITERT_FP32,
    LITERT_QS8,
    LITERT_X,
    QD8,
    QD8_F16,
    QD8_FP32,
)
from asv_bench.models.report import Timed

#: Bars from left to right: what is drawn (the fastest of several), label, colour.
BARS = (
    ((LITERT_FP32,), "LiteRT FP32", "0.75"),
    ((QD8_FP32,), "qd8 FP32", "0.45"),
    ((LITERT_QS8,), "LiteRT QS8 (full integer)", "tab:olive"),
    ((LITERT, LITERT_X), "LiteRT QD8-F32", "tab:blue"),
    ((QD8_F16,), "qd8 QD8-F16", "lightcoral"),
    ((QD8,), "qd8 QD8-F32", "crimson"),
)
CHARTS = (
    (LITERT_FP32, "Speed-up over LiteRT's float32 (XNNPACK)"),
    (BUILTIN, "Speed-up over TFLite's own dynamically quantized kernels"),
)


def speed_up(rows: Sequence[Timed], names: Sequence[str], base: str) -> float | None:
    """How many times faster than ``base`` the fastest of some engines is."""
    of = {row.engine: row for row in rows if row.rounds}
    some = [of[name] for name in names if name in of]
    if base not in of or not some:
        return None
    fastest = min(some, key=lambda row: median(row.rounds))
    return median(b / f for b, f in zip(of[base].rounds, fastest.rounds, strict=True))


def draw(rows: Sequence[Timed], title: str) -> Any:
    """Return a figure: a column for each chart, a row for each number of threads."""
    from matplotlib.figure import Figure

    threads = sorted({row.threads for row in rows})
    figure = Figure(figsize=(16, 4.2 * len(threads) + 1))
    plots = figure.subplots(len(threads), len(CHARTS), squeeze=False)
    for line, count in zip(plots, threads, strict=True):
        some = [row for row in rows if row.threads == count]
        for plot, (base, text) in zip(line, CHARTS, strict=True):
            _bars(plot, some, base)
            plot.set_title(f"{text}, {count} thread(s)", fontsize=10)
    handles, labels = plots[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(BARS), fontsize=9)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(rect=(0, 0.05, 1, 0.98))
    return figure


def _bars(plot: Any, rows: list[Timed], base: str) -> None:
    models = list(dict.fromkeys(row.model for row in rows))
    width = 0.85 / len(BARS)
    for place, (names, label, colour) in enumerate(BARS):
        left = (place - len(BARS) / 2 + 0.5) * width
        heights = [
            speed_up([r for r in rows if r.model == model], names, base)
            for model in models
        ]
        shown = [height or 0.0 for height in heights]
        at = [i + left for i in range(len(models))]
        bars = plot.bar(at, shown, width, label=label, color=colour)
        texts = [f"{height:.1f}" if height else "" for height in heights]
        plot.bar_label(bars, texts, fontsize=7)
    plot.set_xticks(range(len(models)), models, fontsize=9)
    plot.axhline(1, color="0.3", linewidth=0.8, linestyle=":")
    plot.set_ylabel("times as fast", fontsize=9)
    plot.grid(True, axis="y", color="0.92")
    plot.set_axisbelow(True)


def write(rows: Sequence[Timed], title: str, path: Path) -> None:
    """Draw, and write a PNG."""
    draw(rows, title).savefig(path, dpi=120)
