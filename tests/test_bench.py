"""The benchmarks judge rightly: what is slower or wrong is named, and nothing else."""

import importlib
import itertools
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asv_bench import history, revision, run
from asv_bench.benchmarks import waiting
from asv_bench.benchmarks.layers import (
    BY_NAME,
    CONV2D,
    FLOAT32,
    FULLY_CONNECTED,
    ConvLayer,
    DepthwiseLayer,
    FullyConnectedLayer,
    operator,
    problem,
)
from asv_bench.benchmarks.turns import alternate
from asv_bench.compare import __main__ as compare
from asv_bench.compare import judge
from asv_bench.compare.cases import cases, digest
from asv_bench.compare.judge import Finding, Timed
from asv_bench.peers import cpu, port_limit, report, table, truth
from asv_bench.peers.engine import Unsupported
from asv_bench.peers.measure import Measured
from asv_bench.peers.qd8_float32 import operator as float32
from qd8.kernels import isa, launch
from qd8.kernels.compiler import compiled
from qd8.kernels.float_tile import TILES
from tests.kernels.test_assembly import DOTS, innermost_loops

ROOT = Path(__file__).parents[1]
BLOCKS = 11


def noisy(name: str, seed: int, slowdown: float = 1.0) -> Timed:
    """Block medians: 4 % jitter, a drift of 10 %, one block in six disturbed."""
    rng = np.random.default_rng(seed)
    drift = np.linspace(1, 1.1, BLOCKS)

    def times(factor: float) -> list[float]:
        disturbed = np.where(rng.random(BLOCKS) < 1 / 6, 2.0, 1.0)
        return list(1e-3 * factor * drift * rng.normal(1, 0.04, BLOCKS) * disturbed)

    return Timed(name, times(1.0), times(slowdown))


def test_slowdown_of_a_fifth_is_named() -> None:
    """20 % are found in noise, in nearly every run."""
    found = [judge.slower(noisy("a", seed, 1.2)) for seed in range(1000)]
    assert sum(found) >= 990


def test_noise_is_silent() -> None:
    """Of 1,000 unchanged cases under 1 % are slower in a run, and none in three."""
    found = [judge.slower(noisy("a", seed)) for seed in range(3000)]
    assert sum(found) < 30
    assert not any(map(all, zip(*[iter(found)] * 3, strict=True)))


def test_slowdown_says_by_how_much() -> None:
    """The finding names the case, the factors of all runs and the last times."""
    runs = [Timed("conv2d.x", [1e-3] * 5, [f * 1e-3] * 5) for f in (1.3, 1.2, 1.25)]
    finding = judge.slowdown(runs)
    assert finding.name == "conv2d.x"
    assert "1.30, 1.20, 1.25 times" in finding.what
    assert "1000 us -> 1250 us" in finding.what


def test_wrong_bit_is_named() -> None:
    """One bit of one element changes the hash, and so does the sign of a zero."""
    right = np.zeros((3, 4), np.float32)
    wrong, signed = right.copy(), right.copy()
    wrong.view(np.uint32)[1, 2] ^= 1
    signed[0, 0] = -0.0
    hashes = [digest(iter([each])) for each in (right, wrong, signed)]
    assert judge.changed_bits("case", hashes[0], hashes[0]) is None
    for other in hashes[1:]:
        assert judge.changed_bits("case", hashes[0], other).name == "case"


def test_verdict() -> None:
    """0: nothing found; 1: something; 2: nothing was compared, whatever was found."""
    finding = Finding("a", "slower")
    assert judge.verdict(3, []) == 0
    assert judge.verdict(3, [finding]) == 1
    assert judge.verdict(0, []) == 2
    assert judge.verdict(0, [finding]) == 2


def test_zero_cases_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that matches nothing, and a revision that is none, are not a success."""
    assert compare.main(["HEAD", "--only", "no such case"]) == 2
    assert "nothing compared" in capsys.readouterr().err
    assert compare.main(["no-such-revision"]) == 2
    assert "no-such-revision" in capsys.readouterr().err


def planted(folder: Path, code: str) -> revision.Revision:
    """Copy qd8 with ``code`` at the end of quantize.py."""
    ignored = shutil.ignore_patterns("__pycache__", "digits_*", "tests")
    for room in revision.ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=ignored)
    with (folder / "qd8" / "quantize.py").open("a", encoding="utf-8") as file:
        file.write(code)
    return revision.Revision(folder.name, folder)


PLANT = """

_right = quantize_rows


def quantize_rows(x):
    import time

    if x.dtype == np.float16:
        time.sleep(0.0003)
        return _right(x)
    rows = _right(x)
    rows.values.flat[-1] ^= 1
    return rows
"""


def test_revisions_in_processes_of_their_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A planted pause and a planted bit are named; an unchanged tree is silent."""
    monkeypatch.setattr(revision, "KEPT", tmp_path / "kernels")
    base, changed = planted(tmp_path / "base", ""), planted(tmp_path / "head", PLANT)
    monkeypatch.setattr(revision, "checkout", lambda name: base)
    arguments = ["BASE", "--only", "quantize_rows", "--turns", "5", "--factor", "1.5"]

    monkeypatch.setattr(revision, "working_tree", lambda: base)
    assert compare.main(arguments) == 0
    assert capsys.readouterr().out == ""

    monkeypatch.setattr(revision, "working_tree", lambda: changed)
    assert compare.main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("quantize_rows.256x1024.float32.1t: changed bits")
    assert lines[1].startswith("quantize_rows.256x1024.float16.1t: slower")


def test_cases_have_names_of_their_own() -> None:
    """A case is named once, and every operation of the issue is among them."""
    names = [case.name for case in cases()]
    assert len(names) == len(set(names))
    operations = {"fully_connected", "conv2d", "quantize_rows", "model"}
    assert operations <= {case.operation for case in cases()}


FIRST_LAYERS = (
    *("bert_large_ffn_16_tokens", "bert_base_ffn_128_tokens"),
    *("bert_large_projection_256_tokens", "transformer_base_ffn_512_tokens"),
    *("bert_large_projection_1024_tokens", "sd_unet_attention_projection_64x64"),
    *("resnet50_conv2_expand_56x56", "resnet18_conv3_as_product_28x28"),
    *("gpt2_medium_projection_1_token", "llama_7b_projection_1_token"),
)


def test_layers_are_only_appended() -> None:
    """A name on the dashboard is for ever: the first are still the first."""
    assert tuple(layer.name for layer in FULLY_CONNECTED)[:10] == FIRST_LAYERS
    assert CONV2D[0] == ConvLayer("sd_unet_down1_64x64", 64, 320, 320)
    assert CONV2D[10] == ConvLayer("googlenet_3a_1x1_28x28", 28, 192, 64, (1, 1))
    assert FLOAT32[-1] == DepthwiseLayer("float32_efficientnet_b0_7x7", 7, 1152)
    assert len(BY_NAME) == len(FULLY_CONNECTED) + len(CONV2D) + len(FLOAT32)


SUITE = sorted(
    path.stem
    for path in (ROOT / "asv_bench" / "benchmarks").glob("*.py")
    if path.stem != "__init__"
)


def test_benchmarks_have_versions() -> None:
    """Without a version of its own a benchmark's line breaks with every edit."""
    found = 0
    for name in SUITE:
        module = importlib.import_module(f"asv_bench.benchmarks.{name}")
        for each in vars(module).values():
            methods = [m for m in dir(each) if m.startswith(("time_", "track_"))]
            if isinstance(each, type) and methods:
                assert isinstance(each.version, str), each
                found += len(methods)
    assert found >= 15


def test_asv_finds_no_fault() -> None:
    """asv imports the suite and agrees with its signatures."""
    pytest.importorskip("asv")
    command = [sys.executable, "-m", "asv", "check", "--config", str(run.CONFIG)]
    command += ["--environment", f"existing:{sys.executable}"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "No problems found" in found.stdout


def test_results_are_counted_from_the_file() -> None:
    """Null is a failure, NaN is not applicable, and only what was asked for counts."""
    text = '{"results": {"a.time": [[1.0, null, NaN]], "b.track": [[0]], "c": [null]}}'
    content = json.loads(text)
    assert run.counted(content, "a[.]") == run.Counted(1, ["a.time"], 1)
    assert run.counted(content, ".") == run.Counted(2, ["a.time", "c"], 1)
    assert run.counted(content, "no such") == run.Counted(0, [], 0)
    row = [[1.0, 2.0, 3.0, math.nan], [["'x'", "'y'"], ["1", "2"]]]
    found = run.counted({"results": {"a.time": row}}, r"time\('y', [12]\)")
    assert found == run.Counted(1, [], 1)


def test_results_are_stored_under_one_name(tmp_path: Path) -> None:
    """A second run adds to the first; the path of a checkout's python is nowhere."""
    path = tmp_path / "results.json"
    for name, value in (("a", 1), ("b", 2), ("a", 3)):
        found = {"env_name": "existing-py_home_x_python", "python": "/home/x/python"}
        found |= {"params": {"python": "/home/x/python", "os": "Linux"}}
        found |= {"results": {name: [[value]]}, "durations": {name: value}}
        run.store(found, path)
    stored = json.loads(path.read_text())
    assert stored["results"] == {"a": [[3]], "b": [[2]]}
    assert stored["durations"] == {"a": 3, "b": 2}
    assert "home" not in path.read_text()


def test_history_is_even() -> None:
    """The first and the last are taken, and no more than there are."""
    assert history.evenly(list("abcdefghi"), 3) == ["a", "e", "i"]
    assert history.evenly(list("abc"), 1) == ["c"]
    with pytest.raises(ValueError, match="4 commits asked for; there are 1 to 3"):
        history.evenly(list("abc"), 4)


def test_turns_alternate(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of each is not timed; then A, B, A, B."""
    monkeypatch.setattr(waiting, "waited", lambda: 0.0)
    called: list[str] = []
    turns = alternate(lambda: called.append("a"), lambda: called.append("b"), 3)
    assert "".join(called) == "abababab"
    assert len(turns.a) == len(turns.b) == 3


def test_disturbed_turns_are_taken_again() -> None:
    """As many undisturbed ones as wanted, in order; else the least disturbed."""
    shares = iter([0.0, 0.5, 0.01, 0.3, 0.0, 0.0])
    numbers = itertools.count()
    turn = lambda: (next(shares), next(numbers))  # noqa: E731
    assert waiting.least_disturbed(turn, 3) == [0, 2, 4]
    never = iter([0.9, 0.1, 0.5, 0.4, 0.8, 0.3])
    numbers = itertools.count()
    turn = lambda: (next(never), next(numbers))  # noqa: E731
    assert waiting.least_disturbed(turn, 3) == [1, 3, 5]


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="not Linux")
def test_waiting_for_a_cpu_is_seen() -> None:
    """Two processes on one core: each waits about half of the time."""
    spin = "while True: pass"
    core = max(os.sched_getaffinity(0))
    kept = os.sched_getaffinity(0)
    with subprocess.Popen([sys.executable, "-c", spin]) as other:
        try:
            os.sched_setaffinity(other.pid, {core})
            os.sched_setaffinity(0, {core})
            share, _ = waiting.watched(lambda: sum(range(10_000_000)))
        finally:
            other.kill()
            os.sched_setaffinity(0, kept)
    assert 0.1 < share < 1


def test_missing_peer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is named with what pip calls it, once for each engine."""
    found = table.find_spec
    monkeypatch.setattr(
        table, "find_spec", lambda name: None if name == "ncnn" else found(name)
    )
    here, missing = table.available()
    assert "ncnn is missing: pip install ncnn" in missing
    assert "ncnn F(2,3) is missing: pip install ncnn" in missing
    assert "ncnn" not in [peer.name for peer in here]
    assert "NumPy sgemm" in [peer.name for peer in here]
    assert len(here) + len(missing) == len(table.PEERS)


SMALL = (
    FullyConnectedLayer("small", 7, 50, 33),
    ConvLayer("small_3x3", 11, 16, 24),
    ConvLayer("small_stride_2", 11, 16, 24, stride=2),
    ConvLayer("small_dilated", 12, 16, 24, dilation=2),
    ConvLayer("small_1x7", 9, 16, 24, kernel=(1, 7)),
    ConvLayer("small_1x1", 9, 16, 24, kernel=(1, 1)),
)


FLOAT = (
    FullyConnectedLayer("small_float32", 7, 50, 33, "float32"),
    ConvLayer("small_float32_3x3", 11, 16, 24, precision="float32"),
    ConvLayer("small_float32_stride_2", 11, 16, 24, stride=2, precision="float32"),
    DepthwiseLayer("small_float32_depthwise", 11, 20),
    DepthwiseLayer("small_float32_depthwise_stride_2", 12, 20, (5, 5), 2),
)


@pytest.mark.parametrize("layer", FLOAT, ids=lambda layer: layer.name)
@pytest.mark.parametrize(
    "peer",
    [peer for peer in table.PEERS if "float32" in peer.precisions],
    ids=lambda peer: peer.name,
)
def test_peer_computes_the_float32_layer(
    peer: table.Peer, layer: FullyConnectedLayer | ConvLayer | DepthwiseLayer
) -> None:
    """Every engine and qd8 are as near to float64 as sums of float32 are."""
    if peer not in table.available()[0]:
        pytest.skip(f"pip install {peer.package}")
    data = problem(layer)
    if peer.name == "NumPy sgemm" and isinstance(layer, DepthwiseLayer):
        with pytest.raises(Unsupported, match="no matrix product"):
            peer.build(data, 1)
        return
    engine = peer.build(data, 1)
    engine.invoke()
    exact, ours = truth.in_float64(data), float32(data, 1)(data.x)
    assert truth.sqnr(exact, engine.output()) > 120
    assert truth.sqnr(exact, ours) > 120
    assert exact.shape == ours.shape == engine.output().shape


CONVOLUTION_ONLY = ("onnxruntime static", "ncnn", "ncnn F(2,3)", "OpenVINO")


def has(peer: str, layer: FullyConnectedLayer | ConvLayer) -> bool:
    """Whether an engine has such an operator."""
    if isinstance(layer, FullyConnectedLayer):
        return peer not in CONVOLUTION_ONLY
    winograd = (layer.kernel, layer.stride, layer.dilation) == ((3, 3), 1, 1)
    return winograd or peer != "ncnn F(2,3)"


@pytest.mark.parametrize("layer", SMALL, ids=lambda layer: layer.name)
@pytest.mark.parametrize("peer", table.PEERS, ids=lambda peer: peer.name)
def test_peer_computes_the_layer(
    peer: table.Peer, layer: FullyConnectedLayer | ConvLayer
) -> None:
    """Every engine computes the layer that qd8 does: it is not a crippled peer."""
    if peer not in table.available()[0]:
        pytest.skip(f"pip install {peer.package}")
    data = problem(layer)
    if not has(peer.name, layer):
        with pytest.raises(Unsupported, match=r"\w"):
            peer.build(data, 1)
        return
    engine = peer.build(data, 1)
    engine.invoke()
    exact = truth.in_float64(data)
    assert truth.sqnr(exact, engine.output()) > 30
    assert truth.sqnr(exact, operator(data)(data.x)) > 35


SEEN = """
import json
from qd8.kernels import isa  # imports NumPy and Numba: after CPUID has been told
from asv_bench.benchmarks.layers import FullyConnectedLayer, operator, problem
from asv_bench.peers.litert import xnnpack
import numpy as np

data = problem(FullyConnectedLayer("small", 7, 50, 33))
peer = xnnpack(data, 1)
peer.invoke()
same = np.array_equal(peer.output().view("u4"), operator(data)(data.x).view("u4"))
features = np._core._multiarray_umath.__cpu_features__
wide = bool(features["AVX512F"])
print(json.dumps([isa.current().name, wide, bool(features["AVX2"]), same]))
"""


def cpuid_can_trap() -> bool:
    """Whether Linux can take CPUID from a process here."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and "cpuid_fault" in cpuinfo.read_text()


@pytest.mark.skipif(not cpuid_can_trap(), reason="CPUID cannot be made to trap")
@pytest.mark.parametrize("name", [n for n in cpu.CPUS if n in isa.runnable()])
def test_engines_see_an_older_cpu(name: str, tmp_path: Path) -> None:
    """qd8 finds the tier by itself, NumPy no AVX-512 on avx2, and bits stay."""
    pytest.importorskip("ai_edge_litert")
    script = tmp_path / "seen.py"
    script.write_text(SEEN)
    command = [sys.executable, "-m", "asv_bench.peers.cpu", name, str(script)]
    kept = {k: v for k, v in os.environ.items() if k != "QD8_ISA"}
    env = kept | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "reference")))}
    found = subprocess.run(command, env=env, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    wide = name != "avx2"
    assert json.loads(found.stdout.splitlines()[-1]) == [name, wide, True, True]


@pytest.mark.skipif(not cpuid_can_trap(), reason="CPUID cannot be made to trap")
def test_a_real_fault_still_kills(tmp_path: Path) -> None:
    """Only CPUID is answered: any other segmentation fault ends the process."""
    script = tmp_path / "fault.py"
    script.write_text("import ctypes\nctypes.string_at(0)\n")
    command = [sys.executable, "-m", "asv_bench.peers.cpu", "avx2", str(script)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
    assert found.returncode == -signal.SIGSEGV


def test_the_cpu_is_not_hidden_too_late() -> None:
    """What NumPy has seen cannot be taken back."""
    with pytest.raises(RuntimeError, match="numpy has seen the real CPU"):
        cpu.pretend("avx2")


@pytest.mark.parametrize("name", isa.runnable())
def test_port_limit_does_its_work(name: str) -> None:
    """Every dot product of the loop is computed: the sums prove it."""
    tier, turns = isa.BY_NAME[name], 1000
    with isa.forced(name):
        call, out = port_limit.bound(2, turns)
        launch.run([call])
        assert port_limit.measure(1, calls=1, turns=turns).gmacs > 0
    if tier.tile != "amx":  # tile registers hold zeros
        each = tier.KR if tier.tile == "madd" else 1  # bytes 1, 0, 0, 0 times the same
        expected = turns * port_limit.CHAINS * each
        assert (out[:, : tier.lanes] == expected).all()


@pytest.mark.parametrize("name", isa.runnable())
def test_float_port_limit_does_its_work(name: str) -> None:
    """Every fused multiply-add of the loop is computed."""
    with isa.forced(name):
        call, out = port_limit.bound(2, 1000, "float32")
        launch.run([call])
        found = port_limit.measure(1, "float32", calls=1, turns=1000)
    assert found.gmacs > 0
    assert found.precision == "float32"
    lanes = TILES[name].lanes
    assert (out.view(np.float32)[:, :lanes] == 1000 * port_limit.CHAINS).all()


@pytest.mark.parametrize("name", sorted(set(DOTS) & set(isa.runnable())))
def test_port_limit_is_dot_products_alone(name: str) -> None:
    """The loop loads and stores nothing."""
    tier = isa.BY_NAME[name]
    kernel = compiled(port_limit.dots, tier.id, int(tier.tile == "amx"))
    loops = innermost_loops(kernel.assembly)
    hot = [
        loop
        for loop in loops
        if sum(bool(re.search(DOTS[name], line)) for line in loop) >= 4
    ]
    assert hot
    for loop in hot:
        assert [line for line in loop if "(%" in line] == []


def rows(unequal: int = 0) -> list[Measured]:
    """qd8 and two peers on two layers, one of which fails in one peer."""
    found = []
    for layer in FULLY_CONNECTED[:2]:
        about = (layer.name, layer.shape, layer.macs, 1, "avx2")
        quality = {"sqnr_db": 40.0, "unequal": unequal}
        found.append(Measured(*about, "qd8", 1e-3, 2e-3, 2e-3, **quality))
        found.append(
            Measured(*about, "XNNPACK", 2e-3, 3e-3, 2e-3, ratio=1.5, sqnr_db=40.0)
        )
    found.append(Measured(*about, "onnxruntime", failure="RuntimeError: no"))
    return found


def test_report_has_a_line_for_each_layer() -> None:
    """Ratios, their geometric mean, the share of the limit, and what failed."""
    limits = {("avx2", 1, "int8"): 100.0}
    (shown,) = report.tables(rows(), limits, "as on Haswell")
    text = repr(shown)
    assert "as on Haswell" in text
    assert len(shown) == 3
    assert text.count("1.50 (40.0)") == 2
    assert "failed" in text
    best = FULLY_CONNECTED[0].macs / 1e-3 / 1e9
    assert shown[0].share == pytest.approx(best / 100, rel=1e-12)
    assert report.failures(rows()) == [
        "onnxruntime on bert_base_ffn_128_tokens, 1 thread(s): RuntimeError: no"
    ]
    assert math.isclose(report.geometric_mean([2.0, 8.0]), 4.0)


def test_report_names_what_must_not_be() -> None:
    """Other bits than XNNPACK's, and an empty report, are problems."""
    assert report.problems(rows()) == []
    assert "3 elements have other bits" in report.problems(rows(unequal=3))[0]
    assert report.problems([]) == ["nothing was measured"]
