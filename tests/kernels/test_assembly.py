"""What the compiler made of the register tiles: the instructions, and no spills."""

import json
import re

import pytest

from qd8.kernels import gemm, gemm_memory, isa, quantize
from qd8.kernels.compiler import compiled
from qd8.kernels.vector import F32
from tests.processes import run_python

DOTS = {
    "avx2": r"\bvpmaddwd\b|\bvpdpwssd\b",  # LLVM fuses the add where AVX-VNNI is
    "avxvnni": r"\bvpdpbusd\b",
    "avx512vnni": r"\bvpdpbusd\b",
    "amx": r"\btdpbusd\b",
}
ON_STACK = re.compile(r"\(%rsp[^)]*\).*%[xyz]mm|%[xyz]mm.*\(%rsp[^)]*\)")


def innermost_loops(assembly: str) -> list[list[str]]:
    """Runs of instructions from a label to a jump back to it, with no label within."""
    lines, label, start, found = assembly.splitlines(), "", 0, []
    for i, line in enumerate(lines):
        if name := re.match(r"(\.?L[\w$]+):", line):
            label, start = name[1], i
        elif (jump := re.match(r"\s+j\w+\s+(\.?L[\w$]+)", line)) and jump[1] == label:
            found.append(lines[start : i + 1])
    return found


@pytest.mark.parametrize("name", sorted(DOTS))
def test_hot_loops_multiply_in_registers(name: str) -> None:
    """Every loop of dot products keeps its accumulators off the stack."""
    if name not in isa.runnable():
        pytest.skip(f"{name} does not run here: {isa.obstacle(name)}")
    tier = isa.BY_NAME[name]
    kernel = compiled(gemm.fully_connected, *gemm_memory.constants(tier), F32)
    loops = innermost_loops(kernel.assembly)
    dots = [
        (sum(bool(re.search(DOTS[name], line)) for line in loop), loop)
        for loop in loops
    ]
    hot = [loop for count, loop in dots if count]
    most = {"avx2": 96, "avxvnni": 48, "avx512vnni": 64, "amx": 4}  # of one turn
    assert max(count for count, _ in dots) >= most[name]
    for loop in hot:
        assert [line for line in loop if ON_STACK.search(line)] == []


@pytest.mark.parametrize("name", ["avx2", "avxvnni"])
def test_quantization_multiplies_no_subnormal(name: str) -> None:
    """A product masked afterwards would have taken its 150 cycles already."""
    if name not in isa.runnable():
        pytest.skip(f"{name} does not run here: {isa.obstacle(name)}")
    kernel = compiled(quantize.quantize_rows, isa.BY_NAME[name].id, F32)
    loops = ["".join(loop) for loop in innermost_loops(kernel.assembly)]
    fast = [loop for loop in loops if "vcvtps2dq" in loop and "vpackss" in loop]
    assert fast
    for loop in fast:
        assert 0 < loop.count("vmulps") <= loop.count("vpsignd")


@pytest.mark.parametrize("cpu", ["haswell", "skylake", "znver3"])
def test_older_cpus_do_not_spill_either(cpu: str) -> None:
    """Without AVX-VNNI LLVM makes other code of the tiles; it can be read anywhere."""
    if "avx2" not in isa.runnable():
        pytest.skip(f"avx2 does not run here: {isa.obstacle('avx2')}")
    features = ",".join(f"+{name}" for name in isa.BY_NAME["avx2"].features)
    target = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
    ended = run_python(HOT_LOOPS_OF_AVX2, **target)
    assert ended.returncode == 0, ended.stderr
    loops = json.loads(ended.stdout)
    assert [max(products) for products, _ in loops] == [96, 96]
    assert [spilled for _, spilled in loops] == [0, 0]


# Products of each hot loop, and instructions that reach for the stack, of both tiles.
HOT_LOOPS_OF_AVX2 = """
import json
from qd8.kernels import gemm, igemm, gemm_memory, isa
from qd8.kernels.compiler import compiled
from qd8.kernels.vector import F32
from tests.kernels.test_assembly import ON_STACK, innermost_loops

found, tier = [], isa.BY_NAME["avx2"]
# That it compiles at all: instructions of other tiers are gone.
compiled(igemm.convolution, *gemm_memory.constants(tier), F32)
for row, dot in ((tier, "vpmaddwd"), (isa.with_maddubs(tier), "vpmaddubsw")):
    kernel = compiled(gemm.fully_connected, *gemm_memory.constants(row), F32)
    loops = innermost_loops(kernel.assembly)
    products = [sum(dot in line for line in loop) for loop in loops]
    hot = [line for loop, n in zip(loops, products) if n for line in loop]
    found.append((products, len([line for line in hot if ON_STACK.search(line)])))
print(json.dumps(found))
"""
