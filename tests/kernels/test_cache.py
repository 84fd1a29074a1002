"""Kernels asked for by name: each is there, and is the one of its function."""

import ast
import time
from importlib import import_module
from pathlib import Path

import pytest

import qd8
from qd8.kernels import cache, panels, source

CALLS = {"kernel", "run_once"}


def named() -> set[str]:
    """Return the names of kernels that public operators ask for."""
    trees = (ast.parse(f.read_text()) for f in Path(qd8.__file__).parent.glob("*.py"))
    return {
        call.args[0].value
        for tree in trees
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and called(call) in CALLS
        if isinstance(call.args[0], ast.Constant)
    }


def called(call: ast.Call) -> str:
    """Return the last part of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


@pytest.mark.parametrize("name", sorted(named()))
def test_a_named_kernel_exists(name: str) -> None:
    """Where kernels are on disk, nothing would notice a wrong name for a while."""
    module, _, function = name.rpartition(".")
    assert callable(getattr(import_module(f"qd8.kernels.{module}"), function))


def test_names_are_found() -> None:
    """The search above sees what it is for."""
    assert {"gemm.fully_connected", "panels.pack_panels"} <= named()


def test_a_name_and_its_function_are_one_kernel(monkeypatch) -> None:
    """On disk they have one key, so neither is compiled when the other was."""
    monkeypatch.setattr(cache, "_kernels", {})
    cache.kernel(panels.pack_panels, 16, 2, 16)
    compiled: list[str] = []
    monkeypatch.setattr(cache, "listeners", [lambda name, _: compiled.append(name)])
    cache.kernel("panels.pack_panels", 16, 2, 16)
    assert compiled == []
    assert [*cache.kernel_names().values()] == ["pack_panels"] * 2


def test_a_name_is_compiled_where_no_disk_has_it(monkeypatch) -> None:
    """Its module is imported then."""
    monkeypatch.setattr(cache, "_kernels", {})
    monkeypatch.setattr(cache.disk, "read", lambda name, key: None)
    monkeypatch.setattr(cache.disk, "write", lambda name, key, content: None)
    compiled: list[str] = []
    monkeypatch.setattr(cache, "listeners", [lambda name, _: compiled.append(name)])
    assert cache.kernel("range_tail._range_end_factory", 0).address
    assert len(compiled) == 1


def test_an_edited_source_is_another_checksum(monkeypatch, tmp_path) -> None:
    """Also of the same size; what is as it was is not read again."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    read, checksum = [], source.checksum
    monkeypatch.setattr(
        source, "checksum", lambda *given: read.append(given[0]) or checksum(*given)
    )
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("a = 1")
    (tmp_path / "three.txt").write_text("a = 1")
    before = source.of_folder(str(tmp_path))
    assert source.of_folder(str(tmp_path)) == before
    assert len(read) == 2
    time.sleep(0.02)  # times of files tick every few milliseconds
    (tmp_path / "two.py").write_text("a = 2")
    assert source.of_folder(str(tmp_path)) != before
    assert len(read) == 4
