"""The command `qd8`: its results are the library's, its errors one clear line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import qd8
from qd8.arrays import VERSION_KEY
from qd8.cli import main
from qd8.graph.passes import PASSES
from tests.checks import assert_same_bits
from tests.tflite.small import every_operator, normal, two_edges

DIGITS = Path(qd8.__file__).parent / "data" / "digits"
DRQ = DIGITS / "digits_drq.tflite"
IMAGE = normal(1, 8, 8, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with an image, two models and files that are neither."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", IMAGE)
    np.save("batch.npy", np.repeat(IMAGE, 3, axis=0))
    np.save("wide.npy", IMAGE.astype(np.float64))
    np.save("left.npy", normal(2, 3, 32))
    np.save("right.npy", normal(1, 32, seed=1))
    np.savez("x.npz", x=IMAGE)
    np.save("object.npy", np.array([{}], object), allow_pickle=True)
    whole = Path("x.npy").read_bytes()
    Path("short.npy").write_bytes(whole[:-8])
    Path("two.tflite").write_bytes(two_edges())
    Path("empty.tflite").write_bytes(b"")
    Path("text.tflite").write_text("this is a text")
    Path("cut.tflite").write_bytes(DRQ.read_bytes()[:5000])
    return tmp_path


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail and return its one line on stderr."""
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("qd8: error: ")
    assert "mistake in qd8" not in line
    return line


@pytest.mark.parametrize("precision", [None, "fp32", "qd8-f16"])
def test_run_writes_what_the_model_answers(
    precision: str | None, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The array in the file has the bits of a call in Python."""
    chosen = [] if precision is None else ["--precision", precision]
    paths = ["--input", "x.npy", "--output", "y.npy"]
    assert main(["run", str(DRQ), *paths, *chosen, "--threads", "1"]) == 0
    expected = qd8.load(DRQ, precision=precision)(IMAGE)
    assert_same_bits(expected, np.load("y.npy"))
    printed = capsys.readouterr().out
    name = precision or "qd8-f32"
    assert printed.startswith(f"y.npy: logits (1, 10) float32 ({name}, numerics")


def test_run_takes_and_writes_several_by_name(folder: Path) -> None:
    """Inputs in any order; all outputs in one .npz, with the numerics version."""
    inputs = ["--input", "right=right.npy", "--input", "left=left.npy"]
    assert main(["run", "two.tflite", *inputs, "--output", "y.npz"]) == 0
    model = qd8.load("two.tflite")
    expected = model(left=np.load("left.npy"), right=np.load("right.npy"))
    with np.load("y.npz") as file:
        assert {*file} == {"first", "second", VERSION_KEY}
        assert int(file[VERSION_KEY]) == qd8.NUMERICS_VERSION
        for name, array in expected.items():
            assert_same_bits(array, file[name], name)


def test_an_output_may_have_any_name(folder: Path) -> None:
    """Also one that np.savez takes for its own argument."""
    from qd8.arrays import write_outputs

    outputs = {"file": IMAGE, "allow_pickle": IMAGE, "a/b:0": IMAGE}
    write_outputs(Path("y.npz"), outputs)
    with np.load("y.npz") as file:
        for name in outputs:
            assert_same_bits(IMAGE, file[name], name)


def test_a_file_name_may_hold_an_equals_sign(folder: Path) -> None:
    """An existing file is no NAME=FILE."""
    Path("x.npy").rename("x=1.npy")
    assert main(["run", str(DRQ), "--input", "x=1.npy", "--output", "y.npy"]) == 0


def test_nan_in_an_input_is_an_answer(folder: Path) -> None:
    """NaN is data: it comes out as NaN (C3), and the command is fine."""
    np.save("x.npy", np.full_like(IMAGE, np.nan))
    assert main(["run", str(DRQ), "--input", "x.npy", "--output", "y.npy"]) == 0
    assert np.isnan(np.load("y.npy")).all()


@pytest.mark.parametrize(
    ("model", "given", "parts"),
    [
        ("nowhere.tflite", "x.npy", ["nowhere.tflite", "No such file"]),
        ("empty.tflite", "x.npy", ["empty.tflite", "empty"]),
        ("text.tflite", "x.npy", ["text.tflite", "not a .tflite file"]),
        ("cut.tflite", "x.npy", ["cut.tflite", "damaged"]),
        (".", "x.npy", ["."]),
        (str(DRQ), "nowhere.npy", ["nowhere.npy", "No such file"]),
        (str(DRQ), "x.npz", ["x.npz is not a .npy file", "np.save"]),
        (str(DRQ), str(DRQ), ["digits_drq.tflite is not a .npy file"]),
        (str(DRQ), "object.npy", ["object.npy is not a readable .npy"]),
        (str(DRQ), "short.npy", ["short.npy is not a readable .npy"]),
        (str(DRQ), "batch.npy", ["drq", "'image'", "(3, 8, 8, 1)", "(1, 8, 8, 1)"]),
        (str(DRQ), "wide.npy", ["'image'", "float64", "astype(np.float32)"]),
        (str(DRQ), "img=x.npy", ["no input 'img'", "(did you mean 'image'?)"]),
        ("two.tflite", "left=left.npy", ["two.tflite", "'right' is missing"]),
        ("two.tflite", "left.npy", ["left.npy", "which input", "left, right"]),
    ],
)
def test_run_names_what_is_wrong(
    model: str,
    given: str,
    parts: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line with the file, what was given and what is needed; no output file."""
    line = error_of(capsys, "run", model, "--input", given, "--output", "y.npz")
    for part in parts:
        assert part in line
    assert not Path("y.npz").exists()


def test_an_input_given_twice_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which of the two is meant, nobody can know."""
    twice = ["--input", "left=left.npy", "--input", "left=right.npy"]
    line = error_of(capsys, "run", "two.tflite", *twice, "--output", "y.npz")
    assert "--input left was given twice" in line


def test_several_outputs_need_an_npz(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said before anything is computed, with the outputs' names."""
    given = ["--input", "left=left.npy", "--output", "y.npy"]
    line = error_of(capsys, "run", "two.tflite", *given)
    assert "2 outputs (first, second)" in line
    assert "y.npy must end in .npz" in line


def test_an_output_folder_must_exist(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path is named as it was given."""
    given = ["--input", "x.npy", "--output", "nowhere/y.npy"]
    line = error_of(capsys, "run", str(DRQ), *given)
    assert "nowhere/y.npy: there is no folder nowhere" in line


@pytest.mark.parametrize("command", ["run", "inspect", "profile"])
def test_an_unknown_precision_is_answered_with_the_known_ones(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command that loads a model says it alike."""
    paths = ["--input", "x.npy", "--output", "y.npy"] if command == "run" else []
    line = error_of(capsys, command, str(DRQ), *paths, "--precision", "int4")
    assert "precision is 'int4'; needed is one of fp32, qd8-f32, qd8-f16" in line


def test_debug_shows_the_traceback(folder: Path) -> None:
    """With --debug an error is raised as it is."""
    given = ["--input", "x.npy", "--output", "y.npy", "--debug"]
    with pytest.raises(ValueError, match=r"not a \.tflite"):
        main(["run", "text.tflite", *given])


def test_a_mistake_of_our_own_is_called_that(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An exception that nobody raises on purpose does not blame the input."""
    monkeypatch.setattr("qd8.graph.model.Model.run", lambda *_: 1 / 0)
    assert main(["run", str(DRQ), "--input", "x.npy", "--output", "y.npy"]) == 1
    assert "ZeroDivisionError" in (err := capsys.readouterr().err)
    assert "a mistake in qd8" in err


def test_inspect_prints_the_library_s_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the file says, or as another precision runs it; as text or JSON."""
    assert main(["inspect", str(DRQ)]) == 0
    assert capsys.readouterr().out == repr(qd8.inspect(DRQ)) + "\n"
    assert main(["inspect", str(DRQ), "--precision", "fp32", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["numerics_version"] == qd8.NUMERICS_VERSION
    assert not any(row["quantized"] for row in found["rows"])
    assert len(found["rows"]) == len(qd8.inspect(DRQ))
    assert main(["inspect", str(DRQ), "--passes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["name"] for row in rows] == [each.name for each in PASSES]


def test_profile_prints_and_writes_a_row_for_each_operator(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON holds what a time means nothing without."""
    Path("every.tflite").write_bytes(every_operator())
    options = ["--threads", "1", "--repeat", "2", "--json", "times.json"]
    assert main(["profile", "every.tflite", *options]) == 0
    printed = capsys.readouterr().out
    found = json.loads(Path("times.json").read_text())
    names = [row.op for row in qd8.inspect("every.tflite")]
    stood_for = [op for row in found["rows"] for op in row["fused"] or [row["op"]]]
    assert sorted(stood_for) == sorted(names)
    assert all(f" {row['op']} " in printed for row in found["rows"])
    assert (found["threads"], found["runs"]) == (1, 2)
    assert found["numerics_version"] == qd8.NUMERICS_VERSION
    assert found["cpu"]
    assert found["tier"]
    assert sum(kind["count"] for kind in found["kinds"]) == len(found["rows"])
    assert "By kind" in printed


def test_profile_writes_a_trace_and_a_picture(folder: Path) -> None:
    """Both open elsewhere: a trace in the event format, and a PNG."""
    pytest.importorskip("matplotlib")
    files = ["--trace", "trace.json", "--png", "times.png"]
    assert main(["profile", str(DRQ), "--repeat", "2", *files]) == 0
    trace = json.loads(Path("trace.json").read_text())
    assert {event["ph"] for event in trace["traceEvents"]} == {"M", "X"}
    assert Path("times.png").read_bytes()[:4] == b"\x89PNG"


def test_profile_shows_sizes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each precision; LiteRT's where it is installed."""
    assert main(["profile", str(DRQ), "--repeat", "1", "--sizes"]) == 0
    printed = capsys.readouterr().out
    for precision in ("fp32", "qd8-f32", "qd8-f16"):
        assert f"qd8     {precision}" in printed
    assert "LiteRT" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["jump"],
        ["run", "model.tflite"],
        ["profile", "model.tflite", "--repeat", "0"],
        ["profile", "model.tflite", "--threads", "many"],
        ["demo", "--images", "-3"],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and the usage, before anything is loaded."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: qd8")


def command(*arguments: str, **options: object) -> "subprocess.Popen[str]":
    """Start the command as a process of its own."""
    line = [sys.executable, "-m", "qd8.cli", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, **options)


def test_the_command_as_a_process(folder: Path) -> None:
    """Exit codes and streams are those of main; an error shows no traceback."""
    process = command("inspect", str(DRQ))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out == repr(qd8.inspect(str(DRQ))) + "\n"
    process = command("inspect", "text.tflite")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("qd8: error: text.tflite is not a .tflite file")
    assert len(err.splitlines()) == 1


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    """`qd8 inspect ... | head -1` ends without a complaint."""
    process = command("inspect", str(DRQ), "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=120) != 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_the_entry_point_is_this_function() -> None:
    """`qd8` on the path is `qd8.cli:main`, where the package is installed."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        points = distribution("qd8").entry_points
    except PackageNotFoundError:
        pytest.skip("qd8 is imported from a folder here, not installed")
    (point,) = (p for p in points if p.group == "console_scripts")
    assert (point.name, point.load()) == ("qd8", main)
