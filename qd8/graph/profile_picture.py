"""A profile as a PNG: bars by kind of operator above, the operators on a line below."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qd8.terminal import written

from .trace import tracks_of

if TYPE_CHECKING:
    from .profile import Profile

KINDS = 12  # that have a bar and a colour of their own
REST = "0.8"


def draw(profile: "Profile") -> Any:
    """Return a figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    palette = colormaps["tab20"].colors  # type: ignore[attr-defined]
    kinds = profile.kinds[:KINDS]
    colours = {(k.op, k.dtype): palette[i] for i, k in enumerate(kinds)}
    tracks = tracks_of(profile)
    heights = [max(2.0, 0.32 * len(kinds)), 0.6 + 0.5 * len(tracks)]
    figure = Figure(figsize=(11, sum(heights) + 1.4))
    bars, line = figure.subplots(2, 1, height_ratios=heights)
    _bars(bars, profile, colours)
    _timeline(line, profile, tracks, colours)
    figure.suptitle(profile.title, fontsize=8, wrap=True)
    figure.tight_layout()
    return figure


def _bars(plot: Any, profile: "Profile", colours: dict[tuple[str, str], Any]) -> None:
    kinds = profile.kinds[:KINDS]
    labels = [f"{kind.count} {kind.op} {kind.dtype}" for kind in kinds]
    shown = plot.barh(
        labels,
        [kind.time_us / 1000 for kind in kinds],
        color=[colours[kind.op, kind.dtype] for kind in kinds],
    )
    texts = []
    for kind in kinds:
        speed = kind.gmacs_per_s
        rate = f", {speed:,.0f} GMAC/s" if speed else ""
        rate = rate or f", {kind.gbytes_per_s or 0:,.1f} GB/s"
        texts.append(f" {100 * kind.share:.1f} %{rate}")
    plot.bar_label(shown, texts, fontsize=7)
    plot.invert_yaxis()
    plot.margins(x=0.2)
    plot.tick_params(labelsize=7)
    plot.set_xlabel("ms", fontsize=8)
    plot.set_title(profile.note, fontsize=8)


def _timeline(
    plot: Any,
    profile: "Profile",
    tracks: list[str],
    colours: dict[tuple[str, str], Any],
) -> None:
    start = 0.0
    for row in profile:
        span = [(start / 1000, row.time_us / 1000)]
        colour = colours.get((row.op, row.dtype), REST)
        plot.broken_barh(span, (tracks.index(row.dtype) - 0.4, 0.8), color=colour)
        start += row.time_us
    plot.set_yticks(range(len(tracks)), tracks, fontsize=7)
    plot.invert_yaxis()
    plot.tick_params(labelsize=7)
    plot.set_xlabel("ms, one operator after the other", fontsize=8)


def write_picture(profile: "Profile", path: Path) -> None:
    """Draw, and write the PNG, whole or not at all."""
    figure = draw(profile)
    with written(path) as partial:
        figure.savefig(partial, dpi=130, format="png")
