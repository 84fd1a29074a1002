"""Time Winograd against the direct path, in turns, as a Markdown table.

    python scripts/time_winograd.py [--tiers avx2,avx512vnni] [--kernels 1x7,5x5]
        [--pairs 30] [--threads 1]

Both paths are forced, so the table also judges what the schedule would have chosen
(marked *). Whole calls, the quantization of the image included; weights Gaussian.
"""

import argparse
import re
from statistics import median
from time import perf_counter

import numpy as np

import qd8
from qd8.kernels import isa, paths
from qd8.kernels.winograd_schedule import WinogradSchedule

# H = W, input channels, output channels.
SHAPES = {
    "3x3": (
        *((64, 320, 320), (32, 640, 640), (16, 1280, 1280), (28, 128, 128)),
        *((36, 96, 96), (56, 64, 64), (112, 32, 32), (7, 512, 512), (14, 256, 256)),
        *((112, 16, 16), (112, 3, 32), (9, 32, 32), (4, 64, 64), (224, 8, 8)),
    ),
    "1x7": ((17, 192, 192), (17, 160, 160), (17, 128, 128), (9, 64, 64), (64, 64, 64)),
    "7x1": ((17, 192, 192), (17, 128, 192)),
    "1x3": ((8, 384, 384), (32, 64, 64)),
    "3x1": ((8, 384, 384), (8, 448, 384)),
    "5x5": ((35, 48, 64), (14, 32, 64), (28, 16, 32), (27, 96, 256)),
    "3x3s2": (
        (56, 64, 128),
        (35, 288, 384),
        (17, 192, 320),
        (112, 32, 64),
        (14, 256, 512),
    ),
    "3x3d2": ((33, 160, 160), (33, 64, 64)),
}


def main() -> None:
    """Print a row for every shape and tier."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiers", default=",".join(isa.runnable()))
    parser.add_argument("--kernels", default=",".join(SHAPES))
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    heads = ("kernel", "H=W, C -> O", "tier", "direct ms", "GMAC/s", "Winograd ms")
    print(f"| {' | '.join(heads)} | GMAC/s | ratio |\n|{'---|' * 8}")
    for tier in options.tiers.split(","):
        for kernel in options.kernels.split(","):
            for shape in SHAPES[kernel]:
                with qd8.threads(options.threads), isa.forced(tier):
                    print(row(kernel, *shape, tier, options.pairs), flush=True)


def row(kernel: str, H: int, C: int, O: int, tier: str, pairs: int) -> str:
    """Time one shape; best of each path, and the median ratio over the turns."""
    rng = np.random.default_rng(0)
    KH, KW, *rest = (int(n) for n in re.findall(r"\d+", kernel))
    steps = {"s": "stride", "d": "dilation"}
    options = {steps[c]: (rest[0], rest[0]) for c in kernel if c in steps}
    x = rng.standard_normal((1, H, H, C)).astype(np.float32)
    weight = rng.standard_normal((O, KH, KW, C)).astype(np.float32)
    layers = []
    for path in ("direct", "winograd"):
        with paths.forced(path):
            layers.append(qd8.Conv2D.from_float(weight, **options))
    chosen = qd8.Conv2D.from_float(weight, **options).explain(x.shape).schedule
    out = layers[0](x)
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
    macs = out[..., 0].size * weight.size / 1e9
    marks = ("", " *") if isinstance(chosen, WinogradSchedule) else (" *", "")
    return (
        f"| {kernel} | {H}, {C} -> {O} | {tier} | {direct * 1e3:.3g}{marks[0]} | "
        f"{macs / direct:.0f} | {winograd * 1e3:.3g}{marks[1]} | "
        f"{macs / winograd:.0f} | {ratio:.2f} |"
    )


if __name__ == "__main__":
    main()
