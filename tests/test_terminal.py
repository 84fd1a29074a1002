"""Tables and files as a person gets them: whole, or not at all."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qd8.graph.table import Table
from qd8.terminal import progress, show, written


@dataclass(frozen=True)
class Fruit:
    """A row with text that looks like markup, a number, and a head of its own."""

    name: str
    count: int
    note: str = field(metadata={"title": "what is said of it"})


ROWS = [Fruit("[red]fig[/]", 1234567, "round"), Fruit("pear", 7, "not so round")]


@pytest.mark.parametrize("width", [10, 30, 80, 200])
def test_no_width_loses_a_cell(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However narrow it is, every column and digit is printed, and no markup read."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    show(Table(ROWS, "Fruit", "[below]"))
    printed = capsys.readouterr().out
    together = "".join(printed.split())
    for text in ("[red]fig[/]", "1,234,567", "pear", "count", "Fruit", "[below]"):
        assert text in together
    assert "1,234,567" in printed


def test_a_pipe_gets_the_plain_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stdout is no terminal, what is printed is the repr."""
    table = Table(ROWS, "Fruit", "below")
    show(table)
    assert capsys.readouterr().out == repr(table) + "\n"


def test_progress_in_a_log_is_lines_of_notes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Parts without a note say nothing; stdout is left alone."""
    with progress("counting", 3) as step:
        step("")
        step("two")
        step("")
    assert capsys.readouterr() == ("", "qd8: two\n")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new content takes the name at the end; nothing else is left."""
    path = tmp_path / "table.json"
    path.write_text("old")
    with written(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """An exception half-way changes no file and leaves none."""
    path = tmp_path / "table.json"
    path.write_text("old")

    def fail_half_way() -> None:
        with written(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    """The permissions are those that open() would have given."""
    (tmp_path / "plain").write_text("")
    with written(tmp_path / "ours") as temporary:
        temporary.write_text("")
    modes = [(tmp_path / name).stat().st_mode for name in ("plain", "ours")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("name", ["missing/table.json", "."])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    """The error names the path that was asked for, not the temporary one."""
    path = tmp_path / name
    with pytest.raises(OSError, match="folder") as caught, written(path):
        pytest.fail("nothing may be computed for a file that cannot be written")
    assert caught.value.filename == str(path)
