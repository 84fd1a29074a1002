"""The dependency direction of docs/architecture.md, read from the imports.

A room may import rooms below it, never above: a kernel that knows the graph, or a
definition that knows the kernels, would no longer be judged by anything.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# cli, demo, validation -> zoo -> graph -> tflite -> public operators -> pack, quantize,
# settings -> kernels -> simd. A module belongs to its longest prefix; public names
# (qd8/__init__.py) are everyone's door and import lazily.
HEIGHT = {
    "qd8.deferred": -3,
    "qd8.records": -3,
    "qd8.kernels.disk": -3,
    "qd8.kernels.host": -2,
    "qd8.kernels.isa": -1,  # the table: everything below may be chosen by it
    "qd8.kernels.jit": -1,
    "qd8.kernels.simd": 0,
    "qd8.kernels": 1,
    "qd8.settings": 2,
    "qd8.arguments": 2,  # what public functions accept
    "qd8.workspace": 2,  # memory that kernels are given
    "qd8.quantize": 3,
    "qd8.pack": 3,
    "qd8": 4,  # fully_connected, conv2d and what else is public
    "qd8.tflite": 5,
    "qd8.graph": 6,
    "qd8.zoo": 7,  # a full-integer file is calibrated by running the float model
    "qd8.validation": 7,
    "qd8.warming": 7,
    "qd8.doctor": 7,
    "qd8.demo": 8,
    "qd8.cli": 9,
}


class Import(NamedTuple):
    """One import statement: who imports what, and where that is written."""

    importer: str
    imported: str
    place: str


def modules(folder: Path, package: str) -> Iterator[tuple[str, Path]]:
    """Walk over the modules of a package."""
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        yield ".".join((package, *parts)), path


def imports_of(module: str, path: Path, source: str) -> Iterator[Import]:
    """Read every import of a module, those inside functions too."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(module, name, f"{path.name}:{node.lineno}")


def imports(folder: Path, package: str) -> list[Import]:
    """Read every import of a package."""
    return [
        found
        for module, path in modules(folder, package)
        for found in imports_of(module, path, path.read_text())
    ]


def belongs(name: str, room: str) -> bool:
    """Whether a dotted name lies in a room."""
    return name == room or name.startswith(room + ".")


def height(module: str) -> int:
    """Return the height of the room that a module of qd8 belongs to."""
    return HEIGHT[max((r for r in HEIGHT if belongs(module, r)), key=len)]


def upward(found: list[Import]) -> list[Import]:
    """Return the imports that go up; the package's own door is open to all above."""
    return [
        i
        for i in found
        if belongs(i.imported, "qd8")
        and i.importer != "qd8"
        and height(i.imported) > height(i.importer)
    ]


QD8 = imports(ROOT / "qd8", "qd8")
REFERENCE = imports(ROOT / "reference" / "qd8_reference", "qd8_reference")


def test_no_room_imports_upward() -> None:
    """Imports within qd8 go from cli towards simd, never back."""
    assert upward(QD8) == []


def test_an_upward_import_would_be_found() -> None:
    """Absolute, relative and deferred imports that go up are all seen."""
    source = "from qd8.graph import plan\ndef f():\n    from ..graph import model\n"
    path = Path("gemm.py")
    found = list(imports_of("qd8.kernels.gemm", path, source))
    assert [i.imported for i in upward(found)] == ["qd8.graph.plan", "qd8.graph.model"]


def test_only_validation_knows_the_reference() -> None:
    """The kernels and the definition never see each other, so that one judges."""
    crossing = [i for i in QD8 if belongs(i.imported, "qd8_reference")]
    assert [i for i in crossing if not belongs(i.importer, "qd8.validation")] == []
    assert [i for i in REFERENCE if belongs(i.imported, "qd8")] == []


def test_nobody_imports_the_reference_as_a_folder() -> None:
    """An editable install makes reference.qd8_reference importable, a second copy."""
    assert [i for i in QD8 + REFERENCE if belongs(i.imported, "reference")] == []


def test_the_reference_needs_numpy_and_nothing_else() -> None:
    """The definition imports itself, NumPy and the standard library."""
    roots = {i.imported.split(".")[0] for i in REFERENCE}
    allowed = {"numpy", "qd8_reference"} | sys.stdlib_module_names
    assert roots - allowed == set()


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("llvmlite", ["qd8.kernels.simd"]),
        ("numba", ["qd8.kernels"]),
        ("tflite", ["qd8.tflite"]),
        ("flatbuffers", ["qd8.tflite"]),
        ("rich", ["qd8.terminal", "qd8.validation", "qd8.graph"]),
        ("matplotlib", ["qd8.demo", "qd8.graph.profile_picture"]),
        ("ai_edge_litert", ["qd8.validation"]),
    ],
)
def test_each_library_has_its_rooms(library: str, rooms: list[str]) -> None:
    """A library is imported where its purpose lives, and nowhere else."""
    outside = [
        i
        for i in QD8
        if belongs(i.imported, library)
        and not any(belongs(i.importer, room) for room in rooms)
    ]
    assert outside == []


@pytest.mark.parametrize(
    ("package", "unwanted"),
    [
        ("qd8_reference", {"numba", "llvmlite", "qd8"}),
        ("qd8", {"tflite", "rich", "matplotlib", "qd8_reference"}),
    ],
)
def test_importing_pulls_in_nothing_else(package: str, unwanted: set[str]) -> None:
    """What an import costs is what it needs."""
    code = f"import sys, {package}; print(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert package in loaded
    assert loaded & unwanted == set()
