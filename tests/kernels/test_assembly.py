"""What the compiler made of the register tiles: the instructions, and no spills."""

import re

import pytest

from qd8.kernels import gemm, isa
from qd8.kernels.compiler import compiled
from qd8.kernels.vector import F32

DOTS = {
    "avx2": r"\bvpmaddwd\b|\bvpdpwssd\b",  # LLVM fuses the add where AVX-VNNI is
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
    kernel = compiled(gemm.fully_connected, *gemm.constants(tier), F32)
    loops = innermost_loops(kernel.assembly)
    dots = [
        (sum(bool(re.search(DOTS[name], line)) for line in loop), loop)
        for loop in loops
    ]
    hot = [loop for count, loop in dots if count]
    assert max(count for count, _ in dots) >= (4 if name == "amx" else 64)
    for loop in hot:
        assert [line for line in loop if ON_STACK.search(line)] == []
