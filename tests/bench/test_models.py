"""`make bench-models`: whole models, compared rightly with what is on the machine."""

import json
from pathlib import Path

import numpy as np
import pytest

import qd8
from asv_bench.benchmarks import waiting
from asv_bench.models import __main__ as command
from asv_bench.models import engines, files, picture, report, turns
from asv_bench.models.files import Architecture, Files
from asv_bench.models.report import Claim, Timed
from qd8 import tflite, zoo
from qd8.graph.smooth import smooth_noise
from tests.checks import assert_same_bits

DIGITS = Path(qd8.__file__).parent / "data" / "digits"
SMALL = {"width": 0.25, "resolution": 64, "weights": "int8"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small EfficientNet; its depthwise weights are int8."""
    path = tmp_path_factory.mktemp("zoo") / "small_drq.tflite"
    zoo.write("efficientnet_v2_b0", path, **SMALL)
    return path


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let derived files go into a folder of the test's own."""
    monkeypatch.setattr(files, "MADE", tmp_path / "made")
    return tmp_path / "made"


def test_derived_files_compute_the_same(small: Path, made: Path) -> None:
    """Dequantized in the file or while it is loaded: the same bits."""
    found = files.find(Architecture("Small", "small", "none"), small.parent, 1.0)
    assert found.drq == small
    x = smooth_noise((1, 64, 64, 3))
    expected = qd8.load(small, precision="fp32")(x)
    assert_same_bits(expected, qd8.load(found.fp32)(x))
    assert found.drqx is not None
    expected = qd8.load(small, precision="qd8-f32")(x)
    assert_same_bits(expected, qd8.load(found.drqx)(x))


def test_derived_files_have_float_weights(small: Path, made: Path) -> None:
    """drqx: of depthwise convolutions alone; fp32: all; and they are made once."""
    found = files.find(Architecture("Small", "small", "none"), small.parent, 1.0)
    kinds = {}
    for kind in ("drq", "drqx", "fp32", "int8"):
        file = tflite.read(getattr(found, kind))
        depthwise = files._weights(file, files.DEPTHWISE)
        kinds[kind] = bool(depthwise), bool(files._weights(file) - depthwise)
    stored = {"drq": (True, True), "drqx": (False, True), "fp32": (False, False)}
    assert kinds == stored | {"int8": (True, True)}
    before = {path: path.stat().st_mtime_ns for path in made.iterdir()}
    files.find(Architecture("Small", "small", "none"), small.parent, 1.0)
    assert before == {path: path.stat().st_mtime_ns for path in made.iterdir()}
    assert len(before) == 3


def test_the_full_integer_file_is_of_the_same_net(small: Path, made: Path) -> None:
    """The int8 weights are the dynamic range file's; a folder's own file goes first."""
    found = files.find(Architecture("Small", "small", "none"), small.parent, 1.0)
    assert found.int8 is not None
    drq, full = tflite.read(found.drq), tflite.read(found.int8)
    pairs = [
        (drq.main.tensors[i].data, full.main.tensors[j].data)
        for ours, theirs in zip(drq.main.operators, full.main.operators, strict=True)
        for i, j in zip(ours.inputs, theirs.inputs, strict=True)
        if i in files._weights(drq)
    ]
    for expected, actual in pairs:
        assert_same_bits(expected, actual)
    assert len(pairs) == len(files._weights(drq)) > 40
    own = small.with_name("small_int8.tflite")
    own.write_bytes(b"converted elsewhere")
    assert files.find(Architecture("Small", "small", "none"), own.parent, 1).int8 == own
    own.unlink()


def test_without_int8_depthwise_there_is_no_second_file(
    tmp_path: Path, made: Path
) -> None:
    """The file is then LiteRT at its best already."""
    path = tmp_path / "float_drq.tflite"
    zoo.write("efficientnet_v2_b0", path, float_depthwise=True, **SMALL)
    found = files.find(Architecture("Float", "float", "none"), tmp_path, 1.0)
    assert found.drqx is None


def test_a_model_of_the_zoo_where_no_folder_has_it(tmp_path: Path, made: Path) -> None:
    """It is made by name; an int8 file of the folder is of another network."""
    (tmp_path / "sdunet_int8.tflite").write_bytes(b"of another net")
    unet = files.ARCHITECTURES[-1]
    found = files.find(unet, tmp_path, 0.1)
    assert "sd_unet_0.1" in found.source
    assert found.int8 is None
    assert found.drq.parent == made


def test_smooth_noise_is_an_image() -> None:
    """In [-1, 1], no channel like another, and neighbours alike in both directions."""
    x = smooth_noise((2, 40, 60, 3))
    assert x.dtype == np.float32
    assert np.abs(x).max() == 1
    channels = x.transpose(0, 3, 1, 2).reshape(6, -1)
    correlations = np.corrcoef(channels) - np.eye(6)
    assert np.abs(correlations).max() < 0.999
    spread = x.std(axis=(1, 2)).min()
    assert np.abs(np.diff(x, axis=1)).max() < spread
    assert np.abs(np.diff(x, axis=2)).max() < spread
    assert_same_bits(x, smooth_noise((2, 40, 60, 3)))
    assert not np.array_equal(x, smooth_noise((2, 40, 60, 3), seed=1))


@pytest.mark.parametrize("shape", [(), (7,), (1, 320), (1, 77, 768), (0, 3)])
def test_smooth_noise_of_other_shapes(shape: tuple[int, ...]) -> None:
    """Any rank, any dtype; integers are 0 and 1."""
    for dtype in (np.float32, np.float16, np.int32, np.bool_):
        x = smooth_noise(shape, dtype)
        assert x.shape == shape
        assert x.dtype == dtype
        assert np.isin(x, (0, 1)).all() or x.dtype.kind == "f"


def timed(engine: str, *rounds: float, model: str = "a") -> Timed:
    """An engine's seconds."""
    return Timed(model, 1, engine, min(rounds), rounds)


def test_ratio_is_of_the_fastest_peer_turn_by_turn() -> None:
    """Medians choose the peer; the ratio is the median of ratios, not of medians."""
    rows = [
        timed("ours", 1.0, 2.0, 4.0),
        timed("slow", 9.0, 9.0, 9.0),
        timed("fast", 2.0, 8.0, 4.0),
    ]
    assert report.ratio(rows, Claim("", ("slow", "fast"), "ours")) == 2.0
    assert report.ratio(rows, Claim("", ("absent",), "ours")) is None
    assert report.ratio(rows, Claim("", ("slow",), "absent")) is None


def test_ratio_prefers_turns_of_the_two_alone() -> None:
    """A time between six others decides nothing where a pair was timed."""
    rounds, pair = (5.0, 5.0), [(1.0, 3.0), (2.0, 2.0), (1.0, 2.5)]
    ours = Timed("a", 1, "ours", 1.0, rounds, beside={"fast": pair})
    rows = [ours, timed("fast", 20.0, 20.0), timed("slow", 4.0, 4.0)]
    assert report.ratio(rows, Claim("", ("fast",), "ours")) == 2.5
    assert report.ratio(rows, Claim("", ("slow",), "ours")) == 0.8
    assert report.ratio(rows, Claim("", ("fast", "slow"), "ours")) == 2.5


def test_the_two_of_a_claim_take_turns_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of each that is not timed, then A, B, A, B; no third in between."""
    monkeypatch.setattr(waiting, "waited", lambda: 0.0)
    called: list[str] = []
    names = {"a": engines.QD8, "b": engines.LITERT, "c": "of no claim"}
    calls = {names[x]: lambda x=x: called.append(x) for x in names}
    found = turns.in_pairs(calls, pairs=2)
    assert "".join(called) == "ab" * 3
    assert list(found) == [engines.QD8]
    assert [len(each) for each in found[engines.QD8].values()] == [2]


def test_every_claim_and_bar_is_of_an_engine() -> None:
    """A name that no engine has would be an empty column for ever."""
    named = {name for claim in report.CLAIMS for name in (*claim.peers, claim.ours)}
    named |= {name for names, _, _ in picture.BARS for name in names}
    named |= {base for base, _ in picture.CHARTS}
    assert named <= set(engines.BY_NAME)


@pytest.mark.parametrize(
    ("name", "module"),
    [(engines.LITERT_QS8, "ai_edge_litert"), (engines.OPENVINO, "openvino")],
)
def test_full_integer_engines_answer_in_real_units(
    name: str, module: str, small: Path, made: Path
) -> None:
    """What they make of int8 is near the float net's answer, in its units."""
    pytest.importorskip(module)
    found = files.find(Architecture("Small", "small", "none"), small.parent, 1.0)
    assert found.int8 is not None
    loaded = engines.BY_NAME[name].load(found.int8, 1)
    loaded.set_inputs()
    loaded.invoke()
    truth = qd8.load(found.fp32)(smooth_noise((1, 64, 64, 3)))
    answers = {engines.LITERT_FP32: [truth], name: loaded.outputs()}
    db = turns.agreement(answers, name)
    assert db is not None
    assert db > 15


def test_answers_are_judged_where_there_is_a_judge() -> None:
    """A line a model, a column an engine; no table without LiteRT's float32."""
    rows = [
        Timed("a", 1, engines.QD8, db=24.5),
        Timed("a", 2, engines.QD8, db=24.5),
        Timed("a", 1, engines.OPENVINO, db=17.84),
        Timed("b", 1, engines.QD8, db=30.0),
        Timed("b", 1, engines.LITERT_FP32),
    ]
    (table,) = report._agreements(rows)
    text = str(table)
    assert "17.8" in text
    assert "24.5" in text
    assert engines.LITERT_FP32 not in text
    assert len(table) == 2
    assert report._agreements(rows[-1:]) == []


def test_speed_up_is_over_the_base() -> None:
    """A bar is the base's time by the engine's."""
    rows = [timed("base", 4.0, 6.0), timed("fast", 2.0, 3.0)]
    assert picture.speed_up(rows, ("fast",), "base") == 2.0
    assert picture.speed_up(rows, ("fast",), "absent") is None


def test_engines_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread: each once a round. More: blocks, each call timed but the first."""
    monkeypatch.setattr(waiting, "waited", lambda: 0.0)
    called: list[str] = []
    calls = {name: lambda name=name: called.append(name) for name in "ab"}
    times = turns.in_turns(calls, threads=1, pairs=3)
    assert "".join(called) == "ababab"
    assert [len(each) for each in times["a"]] == [1, 1, 1]
    called.clear()
    times = turns.in_turns(calls, threads=2, pairs=4)
    assert "".join(called) == "aaaabbbb" * 2
    assert [len(each) for each in times["b"]] == [3, 3]


@pytest.mark.parametrize("apart", [False, True])
def test_the_command_measures_and_writes(
    apart: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every engine on the digits: tables, JSON and charts; nobody computes nonsense."""
    pytest.importorskip("ai_edge_litert")
    found = Files(
        DIGITS / "digits_drq.tflite", DIGITS / "digits_fp32.tflite", None, None, "here"
    )
    monkeypatch.setattr(files, "find", lambda *_: found)
    monkeypatch.setattr(command, "ARCHITECTURES", files.ARCHITECTURES[:1])
    options = ["--threads", "1", "--pairs", "2", "--out", str(tmp_path)]
    if apart:
        options += ["--apart", "--engines", "QD8", "--no-memory"]
    assert command.main(options) == 0
    printed = capsys.readouterr().out
    assert "milliseconds" in printed
    assert "failed" not in printed
    content = json.loads((tmp_path / "models.json").read_text())
    ran = {row["engine"]: row for row in content["rows"]}
    assert {engines.QD8, engines.LITERT, engines.QD8_F16} <= set(ran)
    assert all(len(row["rounds"]) == 2 for row in ran.values())
    assert (tmp_path / "models.png").stat().st_size > 10_000
    if not apart:
        assert ran[engines.QD8_FP32]["db"] > 100
        assert all(row["db"] > 20 for row in ran.values() if row["db"] is not None)
        (small,) = [r for r in content["memory"] if r["engine"] == engines.QD8]
        assert 0 < small["model_mb"] < small["peak_mb"]
        assert small["to_litert"] > 0
        same = {r["engine"]: r["to_litert"] for r in content["memory"]}
        assert same[engines.LITERT] == same[engines.LITERT_FP32] == 1


def test_nothing_measured_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that matches no model is not a success."""
    options = ["--only", "no such model", "--out", str(tmp_path / "out")]
    assert command.main(options) == 1
    assert "nothing was measured" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
