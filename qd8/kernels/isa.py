"""THE table of instruction-set tiers, from which dispatch, tests and QD8_ISA come.

A tier is what Numba *will compile for*, never what the CPU says: a target
intrinsic on a target without the feature aborts the process inside LLVM
(numba.md 2.2). To add a tier, add a row here and a tile file that it names.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import NamedTuple

from qd8.kernels import host


class Tier(NamedTuple):
    """One row: what the kernels of a tier may use, and the shape of their tiles."""

    name: str
    id: int  # the literal that kernels close over
    features: tuple[str, ...]  # LLVM features that Numba must compile for
    tile: str  # "madd" int16 pairs, "vnni" uint8 quads, "amx" uint8 tile registers;
    #            "maddubs" uint8 pairs, which with_maddubs gives
    lanes: int  # int32 lanes of one accumulator vector
    MR: int  # rows of the largest register tile
    NR: int  # columns of a packed panel
    KR: int  # consecutive k that one lane multiplies in one instruction
    KB: int  # K of a packed block is rounded up to a multiple of this
    hardware_fma: bool
    hardware_f16: bool
    l2_bytes: int  # what the schedule may count on: the smallest among such CPUs


_AVX2 = ("avx2", "fma", "f16c")
_AVXVNNI = (*_AVX2, "avxvnni")
_VNNI = (*_AVX2, "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni")
_AMX = (*_VNNI, "amx-tile", "amx-int8")
TIERS: tuple[Tier, ...] = (
    Tier("generic", 0, (), "madd", 4, 4, 8, 2, 16, False, False, 256 << 10),
    Tier("avx2", 1, _AVX2, "madd", 8, 6, 16, 2, 16, True, True, 512 << 10),
    Tier("avxvnni", 2, _AVXVNNI, "vnni", 8, 6, 16, 4, 16, True, True, 1 << 20),
    Tier("avx512vnni", 3, _VNNI, "vnni", 16, 8, 32, 4, 64, True, True, 2 << 20),
    Tier("amx", 4, _AMX, "amx", 16, 32, 32, 4, 64, True, True, 2 << 20),
)
BY_NAME = {tier.name: tier for tier in TIERS}


def with_maddubs(tier: Tier) -> Tier | None:
    """The tier with tiles of exact ``vpmaddubsw``, for weights packed for them."""
    return tier._replace(tile="maddubs", KR=4) if tier.name == "avx2" else None


def with_tile(tier: Tier, tile: str) -> Tier:
    """The tier with the tiles that a schedule names."""
    return (with_maddubs(tier) or tier) if tile == "maddubs" else tier


_forced: ContextVar[str | None] = ContextVar("qd8_isa", default=None)


@cache
def target() -> tuple[str, str, frozenset[str]]:
    """Triple, CPU name and enabled features that Numba compiles for.

    Honours NUMBA_CPU_NAME, NUMBA_CPU_FEATURES and NUMBA_ENABLE_AVX.
    """
    triple, cpu, text = host.remembered(_asked)
    enabled = (f[1:] for f in text.split(",") if f.startswith("+"))
    return triple, cpu, frozenset(enabled)


def _asked() -> tuple[str, str, str]:
    from numba.core.registry import cpu_target

    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    return str(triple), str(cpu), str(features)


@cache
def _amx_permitted() -> bool:
    """Ask Linux for the tile registers: 8 KiB of state a process must request."""
    if not (sys.platform == "linux" and platform.machine() == "x86_64"):
        return False
    arch_prctl, request, tile_data = 158, 0x1023, 18
    return ctypes.CDLL(None).syscall(arch_prctl, request, tile_data) == 0


@cache
def obstacle(name: str) -> str:
    """Why a tier cannot run here; empty if it can."""
    tier = BY_NAME[name]
    triple, cpu, enabled = target()
    missing = [f for f in tier.features if f not in enabled]
    if missing:
        return f"Numba compiles for {cpu!r} without {', '.join(missing)}"
    if tier.features and not triple.startswith("x86_64"):
        return f"it is an x86-64 tier and Numba compiles for {triple}"
    if tier.tile == "amx" and not _amx_permitted():
        return "the operating system does not grant AMX tile registers"
    return ""


@cache
def runnable() -> tuple[str, ...]:
    """Names of the tiers that run here, slowest first."""
    return tuple(tier.name for tier in TIERS if not obstacle(tier.name))


def _checked(name: str, source: str) -> Tier:
    if name not in BY_NAME:
        raise ValueError(
            f"{source} names the tier {name!r}; known tiers: {', '.join(BY_NAME)}"
        )
    if why := obstacle(name):
        raise RuntimeError(
            f"{source} asks for the tier {name!r}, which cannot run here: {why}; "
            f"runnable: {', '.join(runnable())}"
        )
    return BY_NAME[name]


def current() -> Tier:
    """The tier that operators built now will use.

    Raises
    ------
    ValueError, RuntimeError
        If QD8_ISA names a tier that does not exist or cannot run here.
    """
    if (name := _forced.get()) is not None:
        return BY_NAME[name]
    if name := os.environ.get("QD8_ISA"):
        return _checked(name, "QD8_ISA")
    return BY_NAME[runnable()[-1]]


@contextmanager
def forced(name: str) -> Iterator[Tier]:
    """Build and run operators on the named tier within the block."""
    tier = _checked(name, "isa.forced")
    token = _forced.set(name)
    try:
        yield tier
    finally:
        _forced.reset(token)
