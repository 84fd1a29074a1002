"""The comparison of two revisions names what is slower or wrong, and nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from asv_bench import revision
from asv_bench.compare import __main__ as compare
from asv_bench.compare import judge
from asv_bench.compare.cases import digest
from asv_bench.compare.judge import Finding, Timed

ROOT = Path(__file__).parents[2]


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
