"""`qd8 demo`: its numbers by hand, and that it fails where it must."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import qd8
from qd8.cli import main
from qd8.demo import digits, measure, picture, report
from tests.checks import assert_same_bits


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the demo once, on few images."""
    folder = tmp_path_factory.mktemp("demo") / "made" / "here"
    few = ["--images", "40", "--reference-images", "2"]
    assert main(["demo", "--out", str(folder), *few]) == 0
    return folder


def test_the_table_is_written_with_its_circumstances(out: Path) -> None:
    """Three precisions, and what their numbers mean nothing without."""
    found = json.loads((out / "demo.json").read_text())
    assert found["numerics_version"] == qd8.NUMERICS_VERSION
    assert found["threads"] == 1
    assert found["cpu"]
    assert found["tier"]
    assert found["versions"]["numba"]
    rows = {row["precision"]: row for row in found["rows"]}
    assert [*rows] == ["fp32", "qd8-f32", "qd8-f16"]
    for row in rows.values():
        assert row["bits"] == {"equal": True, "images": 2}
        assert row["accuracy"]["images"] == 40
        assert row["latency_us"] > 0
    assert rows["fp32"]["sqnr_db"] is None
    assert rows["qd8-f16"]["sqnr_db"] > 30
    # Not half: where there is no AMX, Winograd keeps some layers packed twice.
    assert rows["qd8-f32"]["packed_bytes"] < rows["fp32"]["packed_bytes"]
    assert rows["qd8-f32"]["file_bytes"] < rows["fp32"]["file_bytes"] / 2
    assert {*out.iterdir()} == {out / "demo.json", out / "digits.png"}


def test_the_checksums_are_those_the_data_s_readme_states() -> None:
    """The files that were measured are the files that are described."""
    described = (digits.FOLDER / "README.md").read_text()
    found = digits.checksums()
    assert len(found) == 3
    for name, checksum in found.items():
        assert f"| `{name}` |" in described
        assert checksum in described


def test_the_picture_is_a_png_with_these_pixels(tmp_path: Path) -> None:
    """Every chunk's checksum is right and the pixels come back, read by hand."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    path = tmp_path / "noise.png"
    picture.write_png(path, pixels)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        assert checksum == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    assert [*chunks] == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (7, 5, 8, 2, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(5, 22)
    assert not rows[:, 0].any()
    assert_same_bits(pixels, rows[:, 1:].reshape(5, 7, 3))


def test_matplotlib_reads_the_picture_too(out: Path) -> None:
    """A reader that is not ours sees the digits."""
    image = pytest.importorskip("matplotlib.image")
    found = image.imread(out / "digits.png")
    assert found.ndim == 3
    assert found.min() < 0.2
    assert found.max() == 1


def test_wrong_answers_are_red_and_all_shown() -> None:
    """As many red frames as wrong answers, and no red without one."""
    images = digits.held_out(100)
    corner = picture.MARGIN - 3, picture.MARGIN - 3
    answers = images.labels.astype(np.int64)
    assert not (picture.draw(images, answers) == picture.WRONG).all(axis=2).any()
    answers[[90, 95, 99]] = (answers[[90, 95, 99]] + 1) % 10
    shown = picture.draw(images, answers)
    height = picture.TILE + picture.ANSWER + picture.MARGIN
    width = picture.TILE + picture.MARGIN
    corners = shown[corner[0] :: height, corner[1] :: width]
    corners = corners[: picture.ROWS, : picture.COLUMNS]
    red = (corners == picture.WRONG).all(axis=2).reshape(-1)
    assert list(np.flatnonzero(red)) == [69, 70, 71]  # the last of 72


def test_the_images_are_the_held_out_ones() -> None:
    """360 of them, as the models take them; too many or none is refused."""
    images = digits.held_out()
    assert images.x.shape == (360, 1, 8, 8, 1)
    assert images.x.dtype == np.float32
    assert images.x.min() == 0
    assert images.x.max() == 1
    assert np.bincount(images.labels).min() >= 34  # stratified
    for count in (0, 361):
        with pytest.raises(ValueError, match=f"{count} images .* 1 to 360"):
            digits.held_out(count)


@pytest.mark.parametrize("count", [1, measure.BLOCK, measure.BLOCK + 1])
def test_every_image_meets_every_model_once(count: int) -> None:
    """Answers stand in the order of the images, also beyond a block; each is timed."""
    x = np.arange(count, dtype=np.float32).reshape(count, 1, 1)
    runs = {"same": lambda image: image, "double": lambda image: 2 * image}
    steps: list[str] = []
    logits, latency = measure.classify(runs, x, steps.append)
    assert_same_bits(x[:, 0], logits["same"])
    assert_same_bits(2 * x[:, 0], logits["double"])
    assert [*latency] == ["same", "double"]
    assert min(latency.values()) > 0
    assert len(steps) == 2 * count


@pytest.mark.parametrize(("right", "count"), [(358, 360), (1, 3), (5, 10), (179, 180)])
def test_wilson_s_ends_solve_its_equation(right: int, count: int) -> None:
    """At each end the observed share is 1.96 standard deviations away."""
    for end in measure.wilson(right, count):
        deviation = (end * (1 - end) / count) ** 0.5
        assert abs(right / count - end) / deviation == pytest.approx(1.959964)


def test_wilson_at_the_edges() -> None:
    """All right or all wrong still leaves room for doubt on one side."""
    assert measure.wilson(10, 10) == pytest.approx((0.722467, 1.0), abs=1e-6)
    assert measure.wilson(0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)


def test_sqnr_by_hand() -> None:
    """Noise a tenth of the signal is 20 dB; no noise has no number."""
    signal = np.array([[3.0, 4.0]], np.float32)
    assert measure.sqnr(signal, signal * np.float32(1.1)) == pytest.approx(20, abs=1e-4)
    assert measure.sqnr(signal, signal) is None


@pytest.mark.parametrize(
    ("expected", "got", "equal"),
    [
        (1.0, 1.0, True),
        (1.0, np.nextafter(np.float32(1), np.float32(2)), False),
        (0.0, -0.0, False),
        (np.nan, -np.nan, True),
        (np.nan, 1.0, False),
    ],
)
def test_bits_are_compared_by_c1(
    expected: float, got: float, equal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One unit in the last place or the sign of zero counts; a NaN's payload not."""
    answer = {"logits": np.array([[2.0, expected]], np.float32)}
    monkeypatch.setattr(measure, "run_reference", lambda *_: answer)
    logits = np.array([[2.0, got]], np.float32)
    found = measure.equals_reference(None, np.zeros((1, 1)), logits, lambda _: None)
    assert found is equal


def test_one_wrong_bit_fails_the_demo(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A reference that differs in the last bit of one logit is seen and said."""
    real = measure.run_reference

    def planted(model: qd8.Model, x: object) -> dict[str, np.ndarray]:
        found = real(model, x)
        if model.precision == "qd8-f16":
            found["logits"].view(np.uint32)[0, 3] ^= 1
        return found

    monkeypatch.setattr(measure, "run_reference", planted)
    few = ["--images", "3", "--reference-images", "1"]
    assert main(["demo", "--out", str(tmp_path), *few]) == 1
    printed = capsys.readouterr()
    assert "DIFFER on 1" in printed.out
    errors = [line for line in printed.err.splitlines() if "error" in line]
    assert errors == ["qd8: error: qd8-f16: logits differ from the reference's bits"]


def test_wrong_answers_fail_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below 97 % in any precision is said of each."""
    images = digits.held_out(20)
    mixed = images._replace(labels=np.roll(images.labels, 1))
    monkeypatch.setattr(report, "held_out", lambda _: mixed)
    found = report.run_demo(tmp_path, 20, 1)
    assert len(found) == 3
    assert all("97 % are needed" in each for each in found)


@pytest.mark.parametrize(
    ("images", "reference_images"), [(0, 1), (361, 1), (5, 0), (5, -1)]
)
def test_impossible_counts_are_refused(
    images: int, reference_images: int, tmp_path: Path
) -> None:
    """Before anything is computed or written."""
    with pytest.raises(ValueError, match="images"):
        report.run_demo(tmp_path / "out", images, reference_images)
    assert not (tmp_path / "out").exists()
