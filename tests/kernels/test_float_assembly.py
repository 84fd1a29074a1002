"""What the compiler made of the float tile: fused multiply-adds, and no spills."""

import re

import pytest

from qd8.kernels import float_gemm, isa
from qd8.kernels.compiler import compiled
from qd8.kernels.float_tile import TILES
from tests.kernels.test_assembly import ON_STACK, innermost_loops

FMA = re.compile(r"\bvfmadd\w+ps\b")


@pytest.mark.parametrize("name", [t.name for t in isa.TIERS if t.hardware_fma])
def test_hot_loops_of_every_height_stay_in_registers(name: str) -> None:
    """One loop for each height of tile, all of it fused, nothing on the stack."""
    if name not in isa.runnable():
        pytest.skip(f"{name} does not run here")
    tile = TILES[name]
    MR, NR = tile.heights[0], tile.NR
    kernel = compiled(float_gemm._factory, isa.BY_NAME[name].id, NR, MR)
    loops = innermost_loops(kernel.assembly)
    fused = {sum(bool(FMA.search(line)) for line in loop) for loop in loops}
    for rows in tile.heights:
        assert rows * NR // tile.lanes * tile.unroll in fused
    for loop in loops:
        if any(FMA.search(line) for line in loop):
            assert [line for line in loop if ON_STACK.search(line)] == []
