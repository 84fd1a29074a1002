"""`qd8 doctor`: what it says is what there is, also where something is wrong."""

import json
from pathlib import Path

import numba
import pytest

import qd8
from qd8 import doctor
from qd8.kernels import cores, isa, team
from tests.processes import run_python

SHOW = "qd8.show_versions(json=True)"


def test_the_report_is_what_the_library_uses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Versions, tier, threads and cache are those of this process."""
    assert qd8.show_versions(json=True) is None
    found = json.loads(capsys.readouterr().out)
    assert found["numerics_version"] == qd8.NUMERICS_VERSION
    assert found["packages"]["numba"] == numba.__version__
    assert found["tier"] == isa.current().name
    assert found["problem"] is None
    runs = [name for name, state in found["tiers"].items() if state == "runs"]
    assert runs == list(isa.runnable())
    assert found["threads"]["default"] == qd8.get_num_threads()
    assert found["threads"]["available"] == cores.available_threads()
    assert found["threads"]["workers"] == team.workers()
    folder = Path(found["kernel_cache"]["folder"])
    assert found["kernel_cache"]["files"] == len(list(folder.glob("*.qd8"))) > 0


def test_the_text_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Every tier, package and setting of the report stands in the text."""
    found = doctor.report()
    qd8.show_versions()
    text = capsys.readouterr().out
    for name, version in found["packages"].items():
        assert f"{name} {version or 'not installed'}" in text
    for name, state in found["tiers"].items():
        assert f"{name}: {state}" in text
    for part in (
        found["cpu"],
        f"{found['threads']['available']} may be used",
        doctor.fp16_sentence(),
    ):
        assert part in text


def test_a_tier_that_does_not_exist_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tool that explains a wrong setting must not fall over it."""
    monkeypatch.setenv("QD8_ISA", "altivec")
    qd8.show_versions()
    text = capsys.readouterr().out
    assert "none: QD8_ISA names the tier 'altivec'" in text
    assert "QD8_ISA=altivec" in text


def test_a_cpu_without_vectors_is_described(tmp_path: Path) -> None:
    """What Numba compiles for decides, whatever this CPU can do."""
    result = run_python(
        SHOW, NUMBA_CPU_NAME="generic", NUMBA_CACHE_DIR=str(tmp_path / "kernels")
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["tier"] == "generic"
    assert found["tiers"]["generic"] == "runs"
    assert "without avx2, fma, f16c" in found["tiers"]["avx2"]
    assert found["native_fp16"] == ""
    assert found["environment"]["NUMBA_CPU_NAME"] == "generic"
    folder = Path(found["kernel_cache"]["folder"])
    assert folder.is_relative_to(tmp_path / "kernels")
    assert found["kernel_cache"]["bytes"] > 0


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx2", "f16c"}, ""),  # these convert; they do not compute
        ({"avx512fp16", "avx2"}, "avx512fp16"),
        ({"neon", "fullfp16"}, "fullfp16"),
    ],
)
def test_native_fp16_is_arithmetic_not_conversion(
    features: set[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F16C only widens and rounds; AVX512-FP16 and Arm's fullfp16 add and multiply."""
    monkeypatch.setattr(isa, "target", lambda: ("triple", "cpu", frozenset(features)))
    assert doctor.native_fp16() == expected
    assert ("does not" in doctor.fp16_sentence()) == (expected == "")
