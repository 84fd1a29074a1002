"""Time Winograd against the direct path, in turns, as a Markdown table.

    python scripts/time_winograd.py [--tiers avx2,avx512vnni] [--pairs 30] [--threads 1]

Both paths are forced, so the table also judges what the schedule would have chosen
(marked *). Whole calls, the quantization of the image included; weights Gaussian.
"""

import argparse
from statistics import median
from time import perf_counter

import numpy as np

import qd8
from qd8.kernels import isa, schedule
from qd8.kernels.winograd_schedule import WinogradSchedule

# H = W, input channels, output channels.
SHAPES = (
    *((64, 320, 320), (32, 640, 640), (16, 1280, 1280), (28, 128, 128)),
    *((36, 96, 96), (56, 64, 64), (112, 32, 32), (7, 512, 512), (14, 256, 256)),
    *((112, 16, 16), (112, 3, 32), (9, 32, 32), (4, 64, 64), (224, 8, 8)),
)


def main() -> None:
    """Print a row for every shape and tier."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiers", default=",".join(isa.runnable()))
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print("| H=W, C -> O | tier | direct ms | GMAC/s | Winograd ms | GMAC/s | ratio |")
    print("|---|---|---|---|---|---|---|")
    for tier in options.tiers.split(","):
        for shape in SHAPES:
            with qd8.threads(options.threads), isa.forced(tier):
                print(row(*shape, tier, options.pairs), flush=True)


def row(H: int, C: int, O: int, tier: str, pairs: int) -> str:
    """Time one shape; best of each path, and the median ratio over the turns."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, H, H, C)).astype(np.float32)
    weight = rng.standard_normal((O, 3, 3, C)).astype(np.float32)
    out = np.empty((1, H, H, O), np.float32)
    layers = []
    for path in schedule.PATHS:
        with schedule.forced(path):
            layers.append(qd8.Conv2D.from_float(weight))
    chosen = qd8.Conv2D.from_float(weight).explain(x.shape).schedule
    for layer in layers:
        layer(x, out)
    times = []
    for _ in range(pairs):
        turn = []
        for layer in layers:
            start = perf_counter()
            layer(x, out)
            turn.append(perf_counter() - start)
        times.append(turn)
    direct, winograd = (min(path) for path in zip(*times, strict=True))
    ratio = median(a / b for a, b in times)
    macs = H * H * 9 * C * O / 1e9
    marks = ("", " *") if isinstance(chosen, WinogradSchedule) else (" *", "")
    return (
        f"| {H}, {C} -> {O} | {tier} | {direct * 1e3:.3g}{marks[0]} | "
        f"{macs / direct:.0f} | {winograd * 1e3:.3g}{marks[1]} | "
        f"{macs / winograd:.0f} | {ratio:.2f} |"
    )


if __name__ == "__main__":
    main()
