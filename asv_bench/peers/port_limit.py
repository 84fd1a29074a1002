"""How fast a core starts the tier's own dot product when nothing else is in its way.

The loop holds every operand in registers: no load, no store, no quantization. Its
GMAC/s are what a GEMM of that instruction cannot exceed (an algorithm with fewer
multiplications, Winograd, can). For float32 the instruction is the fused multiply-add.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from asv_bench.benchmarks.turns import block
from qd8.kernels import cache, isa, launch
from qd8.kernels.float_tile import TILES
from qd8.kernels.scalars import word
from qd8.kernels.simd import emitter, f32, i16, i32, ir, ir_vector
from qd8.kernels.tile_amx import _amx, configure, release
from qd8.workspace import address

CHAINS = 12  # independent accumulators: latency of 5 at two a cycle needs 10
TURNS = 200_000
CALLS, BLOCKS = 5, 5


class Limit(NamedTuple):
    """gmacs : 1e9 multiply-adds a second, the fastest of all calls"""

    tier: str
    threads: int
    gmacs: float
    precision: str = "int8"


def measure(
    threads: int,
    precision: str = "int8",
    calls: int = CALLS,
    turns: int = TURNS,
) -> Limit:
    """Measure the current tier on so many threads at once."""
    tier = isa.current()
    call, _ = bound(threads, turns, precision)
    times = [
        seconds
        for _ in range(BLOCKS)
        for seconds in block(lambda: launch.run([call]), calls)
    ]
    macs = threads * turns * macs_of_a_turn(tier, precision)
    return Limit(tier.name, threads, macs / min(times) / 1e9, precision)


def bound(
    threads: int, turns: int, precision: str = "int8"
) -> tuple[launch.Call, npt.NDArray[np.int32]]:
    """Return the loop as a call, and where it puts its sums, (threads, 64) int32.

    Of float32 they are the bits of float32.
    """
    tier = isa.current()
    out = np.zeros((threads, 64), np.int32)  # a cache line or more for each task
    if precision == "float32":
        kernel = cache.kernel(fused, tier.id)
    else:
        kernel = cache.kernel(dots, tier.id, int(tier.tile == "amx"))
    return launch.bind(kernel, (turns, address(out)), threads, out), out


def macs_of_a_turn(tier: isa.Tier, precision: str = "int8") -> int:
    """Multiply-adds that one turn of the loop does."""
    if precision == "float32":
        return CHAINS * TILES[tier.name].lanes
    if tier.tile == "amx":
        return 4 * 16 * 16 * 64  # four tile products
    return CHAINS * tier.lanes * tier.KR


def dots(source, TIER, AMX):
    """The kernel: arguments are the number of turns and where to put the sums."""

    def dots(task, tasks, arguments):
        source  # noqa: B018  (in the closure, hence in the cache key)
        turns, out = word(arguments, 0), word(arguments, 1) + 256 * task
        if AMX:
            configure(TIER)
            tile_products(TIER, turns)
            release(TIER)
        else:
            vector_products(TIER, turns, out)

    return dots


def fused(source, TIER):
    """The kernel of float32; its arguments are those of ``dots``."""

    def fused(task, tasks, arguments):
        source  # noqa: B018
        fused_products(TIER, word(arguments, 0), word(arguments, 1) + 256 * task)

    return fused


@intrinsic(prefer_literal=True)
def fused_products(typingctx, tier, turns, out):
    """CHAINS fused multiply-adds a turn."""

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        vector = ir_vector(f32, TILES[e.tier.name].lanes)
        zero, one = e.const(vector, 0.0), e.const(vector, 1.0)

        def turn(index, carried):
            a, *accs = carried
            a = _unknown(e, a)
            return [a, *(e.fma(a, one, acc) for acc in accs)]

        _, total, *rest = e.loop(args[1], [one, *[zero] * CHAINS], turn)
        for acc in rest:
            total = builder.fadd(total, acc)
        e.store(total, args[2])
        return context.get_dummy_value()

    return types.none(tier, types.int64, types.int64), codegen


@intrinsic(prefer_literal=True)
def vector_products(typingctx, tier, turns, out):
    """CHAINS dot products a turn; their sum is stored, so that none is left out."""

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        lanes, per_lane = e.tier.lanes, e.tier.KR
        sums = ir_vector(i32, lanes)
        if e.tier.tile == "madd":
            given = ir_vector(i16, lanes * per_lane)
        else:
            given = sums  # vpdpbusd takes bytes as dwords
        zero, one = e.const(sums, 0), e.const(given, 1)

        def turn(index, carried):
            # A product of two values that never change would be computed once: an
            # empty piece of assembly makes a new value of the old one, and costs
            # no instruction.
            a, *accs = carried
            accs = [e.dot(acc, a := _unknown(e, a), one) for acc in accs]
            return [a, *accs]

        _, total, *rest = e.loop(args[1], [one, *[zero] * CHAINS], turn)
        for acc in rest:
            total = builder.add(total, acc)
        e.store(total, args[2])
        return context.get_dummy_value()

    return types.none(tier, types.int64, types.int64), codegen


def _unknown(e, value):
    """The same value, of which LLVM knows nothing, in the register where it is."""
    triple = isa.target()[0]
    if not triple.startswith(("x86_64", "aarch64", "arm64")):
        raise NotImplementedError(f"there is no port limit for {triple} yet")
    register = "w" if triple.startswith(("aarch64", "arm64")) else "v"
    if register == "v" and "avx512f" not in isa.target()[2]:
        register = "x"
    type_ = ir.FunctionType(value.type, [value.type])
    assembly = ir.InlineAsm(type_, "", f"={register},0", side_effect=True)
    return e.b.call(assembly, [value])


@intrinsic(prefer_literal=True)
def tile_products(typingctx, tier, turns):
    """Four tile products a turn, on four accumulators, as tile_amx.py has them."""

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        for tile in range(8):
            _amx(e, "tilezero", tile)

        def turn(index, carried):
            for acc, a, w in ((0, 4, 6), (1, 4, 7), (2, 5, 6), (3, 5, 7)):
                _amx(e, "tdpbusd", acc, a, w)
            return []

        e.loop(args[1], [], turn)
        return context.get_dummy_value()

    return types.none(tier, types.int64), codegen
