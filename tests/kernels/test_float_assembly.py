"""What the compiler made of the float tile: fused multiply-adds, and no spills."""

import re

import pytest

from qd8.kernels import attention, float_gemm, float_window, isa
from qd8.kernels.attention_tile import block_width
from qd8.kernels.compiler import compiled
from qd8.kernels.float_tile import TILES, has_masks
from qd8.kernels.float_window_operators import DEPTHWISE, SHAPES
from qd8.kernels.vector import F32
from tests.kernels.test_assembly import ON_STACK, innermost_loops

FMA = re.compile(r"\bvfmadd\w+ps\b")
TO_STACK = re.compile(r"vmov[au]ps\s+%[yz]mm\d+, .*\(%rsp")


@pytest.mark.parametrize("name", [t.name for t in isa.TIERS if t.hardware_fma])
def test_hot_loops_of_every_height_stay_in_registers(name: str) -> None:
    """One loop for each height of tile, all of it fused, nothing on the stack."""
    if name not in isa.runnable():
        pytest.skip(f"{name} does not run here")
    tile = TILES[name]
    MR, NR = tile.heights[0], tile.NR
    tier = isa.BY_NAME[name]
    masked = int(has_masks(tier))
    kernel = compiled(float_gemm._factory, tier.id, F32, NR, MR, tile.lanes, masked)
    loops = innermost_loops(kernel.assembly)
    fused = {sum(bool(FMA.search(line)) for line in loop) for loop in loops}
    for rows in tile.heights:
        for registers in range(1, NR // tile.lanes + 1):
            number = rows * registers * tile.unroll
            assert {number, 2 * number} & fused  # the smallest LLVM may unroll again
    for loop in loops:
        if any(FMA.search(line) for line in loop):
            assert [line for line in loop if ON_STACK.search(line)] == []


@pytest.mark.parametrize("name", [t.name for t in isa.TIERS if t.hardware_fma])
def test_attention_stays_in_registers(name: str) -> None:
    """Both products' loops of every height, the exponential and the quotient."""
    if name not in isa.runnable():
        pytest.skip(f"{name} does not run here")
    tile, tier = TILES[name], isa.BY_NAME[name]
    shape = block_width(tier), tile.NR, tile.heights[0]
    kernel = compiled(attention._factory, tier.id, F32, *shape)
    loops = innermost_loops(kernel.assembly)
    fused = [sum(bool(FMA.search(line)) for line in loop) for loop in loops]
    for rows in tile.heights[:-1]:  # LLVM unrolls a single row
        number = rows * tile.NR // tile.lanes
        assert fused.count(number) + fused.count(2 * number) >= 2  # or unrolled
    # Of sixteen registers the exponential's constants leave none for a row's maximum,
    # which is read from the stack, as LLVM likes (it does for Rocket Lake).
    for loop, count in zip(loops, fused, strict=True):
        if count:
            assert [line for line in loop if TO_STACK.search(line)] == []


@pytest.mark.parametrize("name", [t.name for t in isa.TIERS if t.hardware_fma])
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_keeps_its_sums_in_registers(name: str, stride: int) -> None:
    """3x3: nine FMAs for each register of four outputs; no sum is on the stack."""
    if name not in isa.runnable():
        pytest.skip(f"{name} does not run here")
    lanes = TILES[name].lanes
    number, outputs, _ = SHAPES[lanes][DEPTHWISE]
    geometry = 3, 3, stride, 1
    kernel = compiled(
        float_window._factory, isa.BY_NAME[name].id, DEPTHWISE, *geometry, F32, 0,
        lanes, number,
    )  # fmt: skip
    total = 9 * outputs[0] * number
    loops = [
        loop
        for loop in innermost_loops(kernel.assembly)
        if sum(bool(FMA.search(line)) for line in loop) == total
    ]
    assert loops
    for loop in loops:
        assert [line for line in loop if TO_STACK.search(line)] == []
