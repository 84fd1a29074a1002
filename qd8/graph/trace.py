"""A profile as a trace: chrome://tracing and ui.perfetto.dev open it.

Source: "Trace Event Format", Google, complete events ("ph": "X", microseconds) and
metadata events ("ph": "M") that name the tracks.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qd8.terminal import written

if TYPE_CHECKING:
    from .profile import Profile, ProfileRow

PROCESS = 1


def trace_events(profile: "Profile") -> list[dict[str, Any]]:
    """Return the events: a track for each dtype, one operator after the other.

    An operator begins where the one before it ends: times are medians, of which no
    single run had all. The parts of a fused operator are in its arguments.
    """
    tracks = {dtype: i + 1 for i, dtype in enumerate(tracks_of(profile))}
    events: list[dict[str, Any]] = [_named("process_name", 0, profile.title)]
    events += [_named("thread_name", i, dtype) for dtype, i in tracks.items()]
    start = 0.0
    for row in profile:
        events.append(
            {
                "ph": "X",
                "pid": PROCESS,
                "tid": tracks[row.dtype],
                "ts": round(start, 3),
                "dur": round(row.time_us, 3),
                "name": row.op,
                "cat": row.dtype,
                "args": _arguments(row),
            }
        )
        start += row.time_us
    return events


def tracks_of(profile: "Profile") -> list[str]:
    """Dtypes of a profile, int8 first."""
    return sorted({row.dtype for row in profile}, key=lambda d: (d != "int8", d))


def write_trace(profile: "Profile", path: Path) -> None:
    """Write the trace, whole or not at all."""
    content = {"traceEvents": trace_events(profile), "displayTimeUnit": "ms"}
    with written(path) as partial:
        partial.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _named(what: str, track: int, name: str) -> dict[str, Any]:
    return {
        "ph": "M",
        "pid": PROCESS,
        "tid": track,
        "name": what,
        "args": {"name": name},
    }


def _arguments(row: "ProfileRow") -> dict[str, Any]:
    """What a click on an operator shows."""
    about = {
        "index": row.index,
        "name": row.name,
        "output": list(row.output),
        "fused": list(row.fused),
        "kernel": row.kernel,
        "steps": list(row.steps),
        "tier": row.tier,
        "schedule": row.schedule,
        "tasks": row.tasks,
        "MACs": row.macs,
        "GMAC/s": row.gmacs_per_s,
        "bytes": row.bytes,
        "GB/s": row.gbytes_per_s,
    }
    return {key: value for key, value in about.items() if value not in (None, "", [])}
