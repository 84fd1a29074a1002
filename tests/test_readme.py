"""The README keeps its word: its examples run, and what it names exists."""

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 10  # lines of an example
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [code for language, code in FENCE.findall(README) if language == "python"]
FOLDERS = ("docs", "notebooks", "qd8", "reference", "tests", "scripts")
CODE = re.findall(r"`([^`\n]+)`", FENCE.sub("", README))
COMMANDS = [line for _, block in FENCE.findall(README) for line in block.splitlines()]


def first_line(code: str) -> str:
    """Name an example by what it imports first."""
    return code.partition("\n")[0]


def test_there_are_three_examples() -> None:
    """The README shows a layer, a file and the judge."""
    assert len(EXAMPLES) == 3
    assert "from_float" in EXAMPLES[0]
    assert ".tflite" in EXAMPLES[1]
    assert "litert" in EXAMPLES[2]


@pytest.mark.parametrize("code", EXAMPLES, ids=first_line)
def test_example_is_short_and_runs(code: str) -> None:
    """An example has at most ten lines and runs, a warning being an error."""
    assert len(code.splitlines()) <= LONGEST
    if "litert" in code:
        pytest.importorskip("tests.litert", exc_type=ImportError)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(code, "README.md", "exec"), {"__name__": "README"})


def named_paths() -> list[str]:
    """Every file of this repository that a link or a code span names."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    spans = [s for s in CODE if s.split("/")[0] in FOLDERS and "/" in s]
    return sorted({p for p in (*links, *spans) if "://" not in p})


@pytest.mark.parametrize("path", named_paths())
def test_named_file_exists(path: str) -> None:
    """A file that the README names is there."""
    assert (ROOT / path).exists()


def named(program: str) -> list[str]:
    """What follows ``program`` in code spans and blocks of commands."""
    found = [re.match(rf"{program} ([a-z][a-z-]*)", s) for s in (*CODE, *COMMANDS)]
    return sorted({match[1] for match in found if match})


@pytest.mark.parametrize("target", named("make"))
def test_make_target_exists(target: str) -> None:
    """A target that the README names is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}(?: [\w-]+)*:", makefile, re.MULTILINE)


@pytest.mark.parametrize("command", named("qd8"))
def test_command_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that the README names has a help page."""
    from qd8.cli import main

    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert command in capsys.readouterr().out
