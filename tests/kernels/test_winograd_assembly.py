"""What the compiler made of Winograd: whole vectors, no spilled accumulators."""

import itertools
import re

import pytest

from qd8.kernels import compiler, isa, winograd, winograd_tile
from qd8.kernels.vector import F32
from qd8.kernels.winograd_schedule import Extents
from qd8.kernels.winograd_variants import VARIANTS, Variant
from tests.kernels.test_assembly import ON_STACK, innermost_loops

DOT = re.compile(r"\bvpmaddwd\b|\bvpdpwssd\b")
# Additions of 16-bit elements one at a time are how an unvectorized transform looks.
SCALAR = re.compile(r"\b(addw|subw|shlw|vpextrw|vpinsrw)\b")
REGISTER = {"avx2": "ymm", "avx512vnni": "zmm"}


CASES = list(itertools.product(sorted(REGISTER), range(len(VARIANTS))))


@pytest.fixture(scope="module", params=CASES, ids=str)
def compiled(request: pytest.FixtureRequest) -> tuple[str, Variant, str]:
    """Compile the kernel of a tier and variant; return both and its assembly."""
    name, variant = request.param
    if name not in isa.runnable():
        pytest.skip(f"{name} does not run here: {isa.obstacle(name)}")
    tier = isa.BY_NAME[name]
    extents = Extents.of(tier)
    constants = (tier.id, extents.lanes, *extents[:2], variant, F32)
    assembly = compiler.compiled(winograd.winograd, *constants).assembly
    return name, VARIANTS[variant], assembly


def test_the_tile_multiplies_in_registers(compiled: tuple[str, Variant, str]) -> None:
    """Loops of products keep their accumulators off the stack; the largest is whole."""
    name, _, assembly = compiled
    loops = innermost_loops(assembly)
    dots = [sum(bool(DOT.search(line)) for line in loop) for loop in loops]
    tier = isa.BY_NAME[name]
    extents = Extents.of(tier)
    bytes_of_a_turn = 4 * extents.NR * winograd_tile.pairs_of(tier)
    assert max(dots) >= extents.MR * extents.NR // extents.lanes
    for loop in (loop for loop, count in zip(loops, dots, strict=True) if count):
        assert [line for line in loop if ON_STACK.search(line)] == []
        # The weights that are wanted next, a cache line at a time.
        assert sum("prefetch" in line for line in loop) == bytes_of_a_turn // 64


def test_vpdpwssd_is_not_taken_apart(compiled: tuple[str, Variant, str]) -> None:
    """One dot product is one instruction, at least from nine rows on."""
    name, _, assembly = compiled
    if name != "avx512vnni":
        return
    loops = innermost_loops(assembly)
    found = [[m[0] for m in map(DOT.search, loop) if m] for loop in loops]
    large = [dots for dots in found if len(dots) > 16]
    assert len(large) == 4
    assert {dot for dots in large for dot in dots} == {"vpdpwssd"}


def test_transforms_are_whole_vectors(compiled: tuple[str, Variant, str]) -> None:
    """Sixteen channels of int16 a ymm, and outputs as wide as the tier's registers."""
    name, variant, assembly = compiled
    assert len(re.findall(r"\bvp(?:add|sub)w\b.*%ymm", assembly)) >= variant.positions
    products = re.findall(r"\bvpmulld\b.*%(\wmm)", assembly)
    assert products.count(REGISTER[name]) >= variant.y.outputs * variant.x.outputs
    assert not SCALAR.search(assembly)
