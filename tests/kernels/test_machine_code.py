"""Kernels loaded without a compiler: the same bits; what cannot be is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from qd8.kernels import disk, isa, machine_code, quantize
from qd8.kernels.compiler import Compiled, compiled
from qd8.kernels.vector import F32
from tests.processes import assert_prints

pytestmark = pytest.mark.skipif(
    not machine_code.is_supported(), reason="Numba loads kernels here"
)

WARM = """
import sys
from tests.tflite.small import two_edges
model = qd8.load(two_edges())
with qd8.threads(1):
    model(*(np.ones(i.shape, i.dtype) for i in model.inputs))
    for each in (problem, conv):
        assert_same_bits(reference_output(each), layer(each)(each.x))
print(sorted({"numba", "llvmlite.binding"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def kernel() -> Compiled:
    """A kernel that Numba has compiled in this process."""
    return compiled(quantize.image_ranges, isa.current().id, F32)


@pytest.mark.parametrize("tier", sorted({"generic", isa.runnable()[-1]}))
def test_a_warm_process_needs_no_compiler(tmp_path: Path, tier: str) -> None:
    """The second process imports neither Numba nor LLVM, and computes the same bits."""
    options = {"QD8_ISA": tier, "NUMBA_CACHE_DIR": str(tmp_path)}
    cold = assert_prints("['llvmlite.binding', 'numba']", WARM, **options)
    assert "compiling" in cold
    assert assert_prints("[]", WARM, **options) == ""


def test_without_a_loader_numba_loads(tmp_path: Path) -> None:
    """Where objects cannot be loaded, Numba's own cache serves, to the same bits."""
    code = (
        "from qd8.kernels import machine_code\n"
        "machine_code.is_supported = lambda: False\n"
        "assert_kernel_is_reference(problem)\nprint('done')"
    )
    for _ in range(2):
        found = assert_prints("done", code, NUMBA_CACHE_DIR=str(tmp_path))
    assert "compiling" not in found
    assert [*tmp_path.rglob("*.nbc")] != []


def test_a_damaged_file_is_compiled_anew(tmp_path: Path) -> None:
    """What is on disk is whole or counts as absent."""
    code = "assert_kernel_is_reference(problem)\nprint('done')"
    options = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert_prints("done", code, **options)
    (file,) = tmp_path.rglob(f"fully_connected-*{disk.SUFFIX}")
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (b"", whole[:-100], bytes(flipped)):
        file.write_bytes(damaged)
        assert "first: fully_connected" in assert_prints("done", code, **options)
    assert assert_prints("done", code, **options) == ""


def test_the_entry_must_exist(kernel: Compiled) -> None:
    """A name that begins as the function's does is another name."""
    machine_code.load(kernel.machine_code, kernel.native_name)
    for name in (kernel.native_name[:-1], kernel.native_name + "x", "main"):
        with pytest.raises(machine_code.Unsupported, match="no function"):
            machine_code.load(kernel.machine_code, name)


def test_an_unknown_reference_is_refused(kernel: Compiled) -> None:
    """An object that would call what is not known here is Numba's to load."""
    content = kernel.machine_code.replace(b"\0PyErr_Clear\0", b"\0PyErr_Clean\0")
    assert content != kernel.machine_code
    with pytest.raises(machine_code.Unsupported, match="PyErr_Clean"):
        machine_code.load(content, kernel.native_name)


@pytest.mark.parametrize("size", [0, 3, 64, 1000])
def test_a_piece_of_an_object_is_refused(kernel: Compiled, size: int) -> None:
    """Sections that are not there are noticed."""
    with pytest.raises(machine_code.Unsupported):
        machine_code.load(kernel.machine_code[:size], kernel.native_name)


def test_other_kinds_of_files_are_refused() -> None:
    """A program of this very machine is no object."""
    content = Path(sys.executable).resolve().read_bytes()
    with pytest.raises(machine_code.Unsupported, match="no relocatable"):
        machine_code.load(content, "main")


def test_imports_alone_need_no_compiler() -> None:
    """Neither does any module of qd8, but those that compile."""
    code = (
        "import pkgutil, importlib, sys, qd8\n"
        "for found in pkgutil.walk_packages(qd8.__path__, 'qd8.'):\n"
        "    last = found.name.rpartition('.')[2]\n"
        "    if last not in ('compiler', 'vector_types', '__main__'):\n"
        "        importlib.import_module(found.name)\n"
        "print('numba' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
