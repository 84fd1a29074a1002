"""THE table of paths: each way in which kernels may compute, and how to force it.

A path that is not listed here is not counted. ``expected`` is the definition's answer,
``actual`` the kernels' on the tier in force; both are arrays, outputs and every step.
Threads, blocks and shares follow the seed, so that a third of the problems of a path
run on three tasks and half of them in blocks of one tile.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

import numpy.typing as npt
import qd8_reference

import qd8
from qd8 import winograd
from qd8.batch_matmul import BatchMatMul
from qd8.kernels import implicit_schedule, isa, paths, schedule, winograd_schedule
from qd8.transpose_conv import TransposeConv2D
from tests.deep import drawn, float_paths, fused_paths
from tests.judgement import Problem, layer, reference_steps
from tests.kernels.winograd_problems import KERNELS
from tests.problems import ConvProblem

Arrays = Sequence[npt.NDArray[Any]]
EVERY = tuple(tier.name for tier in isa.TIERS)


class Path(NamedTuple):
    """One way to compute, on the tiers that have it."""

    name: str
    tiers: tuple[str, ...]
    problem: Callable[[int], Any]  # of a seed
    expected: Callable[[Any], Arrays]
    actual: Callable[[Any], Arrays]


class NotTaken(Exception):
    """A problem meant for a path was computed in another way."""


def quantized(
    name: str,
    problem: Callable[[int], Problem],
    kernel: str,
    *forced: Callable[[], AbstractContextManager[object]],
    tiers: tuple[str, ...] = EVERY,
) -> Path:
    """A path of the quantized layers; ``kernel`` is in the name of what it takes."""

    def actual(given: Problem) -> Arrays:
        threads = 1 + given.seed % 3
        with ExitStack() as stack:
            for each in (*forced, lambda: cut(given.seed)):
                stack.enter_context(each())
            stack.enter_context(qd8.threads(threads))
            operator = layer(given)
            output, steps = operator(given.x), operator.steps(given.x)
            pixels = isinstance(given, ConvProblem)
            size = given.x.shape if pixels else len(given.x)
            took = operator.explain(size, threads).schedule.kernel
        if f"_{kernel}_" not in took:
            raise NotTaken(f"{took} instead of {name}: {given}")
        return output, *steps

    return Path(name, tiers, problem, _both, actual)


def _both(problem: Problem) -> Arrays:
    steps = reference_steps(problem)
    return steps.output, *steps


@contextmanager
def cut(seed: int) -> Iterator[None]:
    """Share out whatever has two tiles; let blocks be as small as they can."""
    with ExitStack() as stack:
        for module in (schedule, implicit_schedule, winograd_schedule):
            stack.enter_context(mock.patch.object(module, "SERIAL_MACS", 0))
        if seed // 3 % 2:
            for module, name in (
                (schedule, "L1_BLOCK"),
                (implicit_schedule, "NEAR"),
                (winograd_schedule, "ROOM"),
            ):
                stack.enter_context(mock.patch.object(module, name, 0))
        yield


def _path(name: str) -> Callable[[], AbstractContextManager[object]]:
    return lambda: paths.forced(name)


def _gathered() -> AbstractContextManager[object]:
    """Let no convolution read its image where it lies."""

    def choose(layer: Any, gathered: Any, threads: int, tier: isa.Tier) -> Any:
        return gathered

    return mock.patch.object(implicit_schedule, "choose", choose)


def _never_gathered() -> AbstractContextManager[object]:
    """Make gathering so dear that images of any width are read where they lie."""
    return mock.patch.object(implicit_schedule, "COPY", 1 << 20)


def _split() -> AbstractContextManager[object]:
    """Prove so little that nearly every problem has several blocks of channels."""
    return mock.patch.object(winograd, "proof_limit", return_value=1 << 18)


def _steps_of(
    reference: Callable[..., Any], operator: Callable[..., Any]
) -> tuple[Callable[[Any], Arrays], Callable[[Any], Arrays]]:
    """``expected`` and ``actual`` of what is made of the two layers."""

    def expected(given: drawn.Given) -> Arrays:
        steps = reference(given.x, *given.weights, **given.options)
        return steps.output, *steps

    def actual(given: drawn.Given) -> Arrays:
        with cut(given.seed), qd8.threads(1 + given.seed % 3):
            built = operator(*given.weights, **given.options)
            return built(given.x), *built.steps(given.x)

    return expected, actual


DIRECT, WINOGRAD, MADDUBS = map(_path, ("direct", "winograd", "maddubs"))
PATHS = (
    quantized("gemm", drawn.rows(), "gemm", DIRECT),
    quantized("gemm of 1 row", drawn.rows(1), "gemm", DIRECT),
    quantized("gemm of 2 to 4 rows", drawn.rows(2, 3, 4), "gemm", DIRECT),
    quantized("gemm of 15 to 17 rows", drawn.rows(15, 16, 17), "gemm", DIRECT),
    quantized("gemm of many rows", drawn.rows(63, 64, 65, 98), "gemm", DIRECT),
    quantized("pixels", drawn.pixels, "gemm", DIRECT),
    quantized("igemm", drawn.images, "igemm", DIRECT, _gathered),
    quantized(
        *("implicit gemm", drawn.long_runs, "implicit_gemm", DIRECT, _never_gathered),
        tiers=("amx",),
    ),
    quantized("maddubs gemm", drawn.rows(), "gemm_maddubs", MADDUBS, tiers=("avx2",)),
    quantized(
        *("maddubs igemm", drawn.images, "igemm_maddubs", MADDUBS), tiers=("avx2",)
    ),
    *(
        quantized(f"winograd {kind}{of}", drawn.winograd(kind), "winograd", *forced)
        for kind in KERNELS
        for of, forced in (("", (WINOGRAD,)), (" split", (WINOGRAD, _split)))
    ),
    Path(
        *("transposed convolution", EVERY, drawn.transposed),
        *_steps_of(qd8_reference.transpose_conv2d_quantized_steps, TransposeConv2D),
    ),
    Path(
        *("batch matmul", EVERY, drawn.batches),
        *_steps_of(qd8_reference.batch_matmul_quantized_steps, BatchMatMul),
    ),
    *(Path(name, EVERY, *given) for name, given in fused_paths.PATHS.items()),
    *(Path(name, EVERY, *given) for name, given in float_paths.PATHS.items()),
)
BY_NAME = {path.name: path for path in PATHS}
