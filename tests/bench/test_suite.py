"""The asv suite is whole, and its results are stored and counted rightly."""

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from asv_bench import history, run
from asv_bench.benchmarks.layers import (
    BY_NAME,
    CONV2D,
    FLOAT32,
    FULLY_CONNECTED,
    ConvLayer,
    DepthwiseLayer,
)
from asv_bench.compare.cases import cases

ROOT = Path(__file__).parents[2]


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
