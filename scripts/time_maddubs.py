"""Time exact vpmaddubsw against vpmaddwd and the port limit, as a Markdown table.

    python scripts/time_maddubs.py [--pairs 30] [--layers fc|conv]

Both paths are forced, so the table also judges what the schedule would have chosen
(marked *). Whole calls, one thread, quantization included. A CPU without AVX-VNNI:

    NUMBA_CPU_NAME=znver3 NUMBA_CPU_FEATURES=+avx2,+fma,+f16c python scripts/...
"""

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import qd8
from asv_bench.peers import port_limit
from qd8.kernels import isa, launch, paths

# M, K, N and how weights are distributed.
DENSE = (
    *((1024, 1024, 1024, "normal"), (1024, 1024, 1024, "laplace")),
    *((1024, 1024, 1024, "uniform"), (16, 1024, 4096, "normal")),
    *((128, 768, 3072, "normal"), (512, 512, 2048, "normal")),
    *((4096, 320, 320, "normal"), (784, 576, 128, "normal")),
    *((3136, 64, 256, "normal"), (100, 4096, 64, "normal")),
)
# H = W, input channels, output channels, kernel, stride, groups.
IMAGES = (
    *((28, 128, 128, 3, 1, 1), (56, 64, 128, 3, 2, 1), (14, 256, 512, 3, 2, 1)),
    *((112, 3, 64, 7, 2, 1), (35, 48, 64, 5, 1, 1), (56, 64, 128, 1, 2, 1)),
    (28, 128, 128, 3, 1, 4),
)
TURNS = 100_000  # of the loop that measures the port limit


def main() -> None:
    """Print a row for every layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--layers", choices=("fc", "conv"), default="fc")
    options = parser.parse_args()
    print("| layer | vpmaddwd | share of its port limit | vpmaddubsw | ratio | bytes |")
    print("|---|---|---|---|---|---|")
    with qd8.threads(1), isa.forced("avx2"):
        for layer in DENSE if options.layers == "fc" else IMAGES:
            print(row(layer, options.pairs), flush=True)


def row(layer: tuple[Any, ...], pairs: int) -> str:
    """Best GMAC/s of each path; medians, over the turns, of share and ratio."""
    name, build, x, macs = dense(*layer) if len(layer) == 4 else image(*layer)
    operators = []
    for path in ("direct", "maddubs"):
        with paths.forced(path):
            operators.append(build())
    chosen = build().explain(len(x) if x.ndim == 2 else x.shape).schedule
    call, _ = port_limit.bound(1, TURNS)
    limit = launch.Linked([call])
    runs: list[Callable[[], object]] = [limit.run]
    runs += [lambda o=o: o(x) for o in operators]
    work = [TURNS * port_limit.macs_of_a_turn(isa.current()), macs, macs]
    for run in runs:
        run()
    rates = []
    for _ in range(pairs):
        turn = []
        for run, size in zip(runs, work, strict=True):
            start = perf_counter()
            run()
            turn.append(size / (perf_counter() - start) / 1e9)
        rates.append(turn)
    _, madd, maddubs = (max(each) for each in zip(*rates, strict=True))
    share = median(b / a for a, b, _ in rates)
    ratio = median(c / b for _, b, c in rates)
    packed = operators[1].packed
    marks = (" *", "") if "maddubs" not in chosen.kernel else ("", " *")
    return (
        f"| {name} | {madd:.0f}{marks[0]} | {share:.0%} | {maddubs:.0f}{marks[1]} | "
        f"{ratio:.2f} | {packed.maddubs.nbytes / packed.weight().nbytes:.2f} |"
    )


def dense(M: int, K: int, N: int, kind: str) -> tuple[str, Any, npt.NDArray[Any], int]:
    """Name, builder, input and multiply-adds of a fully connected."""
    rng = np.random.default_rng(0)
    draw = {"normal": rng.normal, "laplace": rng.laplace, "uniform": rng.uniform}[kind]
    weight = draw(size=(N, K)).astype(np.float32)
    if kind == "uniform":
        weight = 2 * weight - 1
    x = rng.standard_normal((M, K)).astype(np.float32)
    name = f"{M}, {K} -> {N}, {kind}"
    return name, lambda: qd8.FullyConnected.from_float(weight), x, M * K * N


def image(
    H: int, C: int, O: int, kernel: int, stride: int, groups: int
) -> tuple[str, Any, npt.NDArray[Any], int]:
    """Name, builder, input and multiply-adds of a convolution."""
    rng = np.random.default_rng(0)
    shape = O, kernel, kernel, C // groups
    weight = rng.standard_normal(shape).astype(np.float32)
    x = rng.standard_normal((1, H, H, C)).astype(np.float32)
    name = f"{kernel}x{kernel}/s{stride} {H}, {C} -> {O}"
    if groups > 1:
        name += f", {groups} groups"

    def build() -> qd8.Conv2D:
        return qd8.Conv2D.from_float(weight, stride=(stride, stride), groups=groups)

    return name, build, x, (-(-H // stride)) ** 2 * int(np.prod(shape))


if __name__ == "__main__":
    main()
