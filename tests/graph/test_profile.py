"""A profile says what ran, for how long, and what it moved."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import qd8
from qd8.graph.profile import Profile, ProfileRow
from qd8.graph.run import time_runs
from qd8.graph.trace import trace_events
from qd8.kernels import isa
from tests.tflite.small import every_operator

DIGITS = Path(qd8.__file__).parent / "data" / "digits" / "digits_drq.tflite"


def row(
    op: str, dtype: str, time_us: float, macs: int = 0, **more: object
) -> ProfileRow:
    """A row of which a test knows the numbers."""
    about = {"index": 0, "op": op, "name": "y", "output": (1, 2), "dtype": dtype}
    about |= {"fused": (), "kernel": "k", "steps": ("k",), "tier": "generic"}
    about |= {"schedule": "", "tasks": 1, "time_us": time_us, "share": time_us / 100}
    about |= {"macs": macs, "gmacs_per_s": None, "bytes": 1000, "gbytes_per_s": None}
    return ProfileRow(**(about | more))


ROWS = (
    row("CONV_2D", "int8", 50.0, macs=5_000_000),
    row("SWISH", "float32", 20.0, fused=("LOGISTIC", "MUL")),
    row("CONV_2D", "int8", 30.0, macs=1_000_000),
)


def test_kinds_are_summed_and_the_slowest_first() -> None:
    """Time, share, MACs and bytes are sums; rates are of the sums."""
    first, second = Profile(ROWS, "a model").kinds
    assert (first.op, first.count, first.time_us) == ("CONV_2D", 2, 80.0)
    assert first.share == pytest.approx(0.8)
    assert first.gmacs_per_s == pytest.approx(6_000_000 / 80e-6 / 1e9)
    assert first.gbytes_per_s == pytest.approx(2000 / 80e-6 / 1e9)
    assert (second.op, second.dtype, second.gmacs_per_s) == ("SWISH", "float32", None)


def test_trace_has_a_track_for_each_dtype() -> None:
    """Complete events follow each other without overlap; int8 is the first track."""
    events = trace_events(Profile(ROWS, "a model"))
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert names == {1: "int8", 2: "float32"}
    ran = [event for event in events if event["ph"] == "X"]
    assert [(e["name"], e["tid"], e["ts"], e["dur"]) for e in ran] == [
        ("CONV_2D", 1, 0.0, 50.0),
        ("SWISH", 2, 50.0, 20.0),
        ("CONV_2D", 1, 70.0, 30.0),
    ]
    assert ran[0]["args"]["MACs"] == 5_000_000
    assert ran[1]["args"]["fused"] == ["LOGISTIC", "MUL"]
    assert {e["pid"] for e in events} == {1}


def test_a_call_is_compared_with_its_operators_turn_by_turn() -> None:
    """One disturbed turn of three moves nothing."""
    model = qd8.load(DIGITS)
    from qd8.graph.profile import profiled

    nodes = len(model.fused_graph.nodes)
    runs = [[100] * nodes, [900] * nodes, [100] * nodes]
    whole = [200 * nodes, 1000 * nodes, 200 * nodes]
    found = profiled(model._plan, 1, runs, "digits", whole)
    assert found.outside == pytest.approx(0.5)
    assert found.whole_us == pytest.approx(0.2 * nodes)
    assert found[0].time_us == pytest.approx(0.1)
    assert "50.0 % of it outside operators" in found.note


def test_rows_say_kernel_tier_schedule_and_bytes() -> None:
    """Of a quantized operator what explain says; of others the compiled functions."""
    with qd8.threads(1):
        model = qd8.load(DIGITS, passes=())
        table = model.profile(runs=2)
    tier = isa.current().name
    quantized = [r for r in table if r.quantized]
    assert quantized
    for each in quantized:
        assert each.kernel.endswith(tier) or "winograd" in each.kernel
        assert each.tier == tier
        assert "packed bytes" in each.schedule
    for each in table:
        assert (each.tasks > 0) == bool(each.steps) == bool(each.bytes)
    relu = next(r for r in table if r.op in ("ADD", "MUL", "SWISH", "LOGISTIC"))
    elements = int(np.prod(relu.output))
    assert relu.bytes in (8 * elements, 12 * elements)  # one operand in, or two
    assert relu.gbytes_per_s is None or relu.gbytes_per_s > 0


def test_views_move_nothing(tmp_path: Path) -> None:
    """An operator whose output is where its input is runs no kernel."""
    path = tmp_path / "every.tflite"
    path.write_bytes(every_operator())
    table = qd8.load(path).profile(runs=1)
    views = [r for r in table if not r.steps]
    assert views
    assert all((r.bytes, r.tasks, r.kernel) == (0, 0, "") for r in views)


def test_timed_runs_are_as_many_as_asked_for() -> None:
    """The first, which binds and warms up, is not among them."""
    model = qd8.load(DIGITS)
    x = [np.zeros(i.shape, i.dtype) for i in model.inputs]
    runs, whole = time_runs(model._plan, x, 1, 3)
    assert len(runs) == len(whole) == 3
    assert all(len(times) == len(model.fused_graph.nodes) for times in runs)
    assert all(sum(times) > 0 for times in runs)


def test_trace_and_picture_are_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without matplotlib there is no half a PNG, and the trace needs none."""
    table = qd8.load(DIGITS).profile(runs=1)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError):
        table.plot(tmp_path / "times.png")
    table.trace(tmp_path / "trace.json")
    assert [path.name for path in tmp_path.iterdir()] == ["trace.json"]
    json.loads((tmp_path / "trace.json").read_text())
