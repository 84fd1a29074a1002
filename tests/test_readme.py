"""The documents keep their word: the README's examples run, what is named exists."""

import re
import subprocess
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 10  # lines of an example
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/kernels.md",
    "docs/numerics.md",
)
FOLDERS = ("docs", "notebooks", "qd8", "reference", "tests", "scripts")


def text(document: str) -> str:
    """Read a document."""
    return (ROOT / document).read_text(encoding="utf-8")


EXAMPLES = [code for kind, code in FENCE.findall(text("README.md")) if kind == "python"]


def named_paths(document: str) -> list[str]:
    """Paths that links and code spans of a document name, from the root."""
    prose = FENCE.sub("", text(document))
    links = re.findall(r"\]\(([^)#]+)\)", prose)
    here = (ROOT / document).parent
    found = {str((here / link).relative_to(ROOT)) for link in links if ":" not in link}
    spans = re.findall(r"`([\w./-]+)`", prose)
    found |= {span for span in spans if span.split("/")[0] in FOLDERS and "/" in span}
    return sorted(found)


def named_words(document: str, program: str) -> set[str]:
    """What follows ``program`` in the code spans and command blocks of a document."""
    blocks = [code for kind, code in FENCE.findall(text(document)) if kind != "python"]
    lines = [line for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text(document)))
    found = [re.search(rf"(?:^| ){program} ([a-z][a-z-]*)", s) for s in lines + spans]
    return {match[1] for match in found if match}


def words_of_all(program: str) -> list[str]:
    """What follows ``program`` anywhere in the documents."""
    return sorted(set().union(*(named_words(d, program) for d in DOCUMENTS)))


def test_there_are_three_examples() -> None:
    """The README shows a layer, a file and the judge."""
    assert len(EXAMPLES) == 3
    assert "from_float" in EXAMPLES[0]
    assert ".tflite" in EXAMPLES[1]
    assert "litert" in EXAMPLES[2]


@pytest.mark.parametrize("code", EXAMPLES, ids=["layer", "file", "judge"])
def test_example_is_short_and_runs(code: str) -> None:
    """An example has at most ten lines and runs, a warning being an error."""
    assert len(code.splitlines()) <= LONGEST
    if "litert" in code:
        pytest.importorskip("tests.litert", exc_type=ImportError)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(code, "README.md", "exec"), {"__name__": "README"})


def test_file_example_classifies(capsys: pytest.CaptureFixture[str]) -> None:
    """The README's classifier is right on at least 97 % of the held-out images."""
    exec(compile(EXAMPLES[1], "README.md", "exec"), {"__name__": "README"})
    printed = capsys.readouterr().out
    assert float(re.search(r"([\d.]+)% right", printed)[1]) >= 97


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_files_exist(document: str) -> None:
    """What a document names by its path is there."""
    paths = named_paths(document)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_missing_name_would_be_found() -> None:
    """The search sees links, code spans, targets and commands."""
    assert "notebooks/02_one_answer.ipynb" in named_paths("README.md")
    assert "tests/families.py" in named_paths("CONTRIBUTING.md")
    assert {"demo", "test"} <= named_words("README.md", "make")
    assert {"demo", "doctor", "inspect"} <= named_words("README.md", "qd8")


@pytest.mark.parametrize("target", words_of_all("make"))
def test_make_target_exists(target: str) -> None:
    """``make`` knows every target that the documents name."""
    command = ["make", "--dry-run", "--no-print-directory", target]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("command", words_of_all("qd8"))
def test_command_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ``qd8`` has a help page for each word that the documents name."""
    from qd8.cli import main

    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"qd8 {command}" in capsys.readouterr().out
