"""The large counts count: each path is taken, and an unequal element is seen."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from qd8.kernels import isa as isa_table
from tests.deep import forced, paths
from tests.deep.counts import resumed, save

SEEDS = range(2)


@pytest.mark.parametrize("path", paths.PATHS, ids=lambda path: path.name)
def test_a_few_problems_of_each_path(isa: str, path: paths.Path) -> None:
    """The first of the thousands, on every tier that has the path."""
    if isa not in path.tiers:
        pytest.skip(f"{isa} has no such path")
    found = forced.Count(path.name, tiers={isa: 0})
    for seed in SEEDS:
        forced.compare(path, seed, found)
    assert found.failures == []
    assert found.tiers == {isa: 0}
    assert found.problems == len(SEEDS)
    assert found.elements > 0


def one_bit_off(problem: object) -> list[np.ndarray]:
    """Answer with a wrong zero among the steps."""
    output, *steps = paths.BY_NAME["gemm"].actual(problem)
    steps[3] = steps[3] ^ (np.arange(steps[3].size).reshape(steps[3].shape) == 0)
    return [output, *steps]


def options(tmp_path: Path, path: str, *, resume: bool = False) -> argparse.Namespace:
    """A count of one problem."""
    return argparse.Namespace(
        path=path,
        problems=1,
        first_seed=1,
        resume=resume,
        json=tmp_path / "counts.json",
    )


def test_an_unequal_accumulator_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One element of one step, told with its seed."""
    wrong = paths.BY_NAME["gemm"]._replace(actual=one_bit_off)
    monkeypatch.setattr(forced, "PATHS", (wrong,))
    found = forced.count(options(tmp_path, "gemm"), ["generic"], {}, Console())
    assert found == 1
    (saved,) = json.loads((tmp_path / "counts.json").read_text())["counts"]
    assert saved["tiers"] == {"generic": 1}
    assert "gemm on generic, seed 1" in saved["failures"][0]


def test_a_path_that_is_not_taken_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What says maddubs and runs vpmaddwd is no count of maddubs."""
    path = paths.BY_NAME["maddubs gemm"]
    with isa_table.forced("generic"), pytest.raises(paths.NotTaken, match="gemm_4x8"):
        path.actual(path.problem(1))


def test_a_count_of_nothing_is_an_error(tmp_path: Path) -> None:
    """A name that no path has."""
    with pytest.raises(SystemExit, match="no path is named like 'fft'"):
        forced.count(options(tmp_path, "fft"), ["generic"], {}, Console())


def test_an_interrupted_count_goes_on(tmp_path: Path) -> None:
    """Of the same settings only; a path that was counted is not counted again."""
    here = tmp_path / "counts.json"
    settings = {"path": "^gemm$", "problems": 1}
    save(here, settings, [forced.Count("gemm", 7, tiers={"generic": 3})])
    again = options(tmp_path, "^gemm$", resume=True)
    assert forced.count(again, ["generic"], {}, Console()) == 3
    with pytest.raises(SystemExit, match="counted with other settings"):
        resumed(here, {"path": "winograd"})
