"""Problems for Winograd, and their large counts on every tier.

``python -m tests.kernels.winograd_problems --count 2000 --paths winograd,split
--kernels 3x3,1xk,kx1,kxk,3x3s2``
"""

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Kernels of each kind, with their stride: all variants, one and several blocks of taps.
KERNELS: dict[str, tuple[tuple[tuple[int, int], int], ...]] = {
    "3x3": (((3, 3), 1),),
    "1xk": tuple(((1, k), 1) for k in (2, 3, 3, 4, 5, 7, 7, 9)),
    "kx1": tuple(((k, 1), 1) for k in (2, 3, 3, 4, 5, 7, 7, 9)),
    "kxk": tuple(
        ((y, x), 1) for y, x in ((5, 5), (5, 5), (2, 2), (7, 7), (4, 2), (2, 6))
    ),
    "3x3s2": (((3, 3), 2),),
}
EXTENTS = tuple(range(1, 14))
CHANNELS = (*range(1, 41), 47, 48, 49, 63, 64, 65, 96, 128)
ACTIVATIONS = ("none", "none", "relu", "relu6", "relu_n1_to_1")
PADDINGS = ("SAME", "VALID", ((0, 0), (0, 0)), ((1, 2), (3, 0)), ((0, 5), (4, 1)))


@dataclass(frozen=True, repr=False, eq=False)
class Problem:
    """A convolution; x (N, H, W, C), weight (O, KH, KW, C) int8."""

    seed: int
    x: npt.NDArray
    weight: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float32] | None = None
    bias: npt.NDArray[np.float32] | None = None
    padding: Any = "SAME"
    dilation: tuple[int, int] = (1, 1)
    activation: str = "none"
    stride: int = 1

    @property
    def arguments(self) -> dict[str, Any]:
        """The layer without its input, as keyword arguments."""
        return {
            "weight": self.weight,
            "weight_scale": np.float32(0.01) if self.scale is None else self.scale,
            "bias": self.bias,
            "stride": (self.stride, self.stride),
            "padding": self.padding,
            "dilation": self.dilation,
            "activation": self.activation,
        }

    def __repr__(self) -> str:
        """Say what it is."""
        return (
            f"Problem(seed={self.seed}, x {self.x.shape} {self.x.dtype}, weight "
            f"{self.weight.shape}, stride {self.stride}, {self.padding}, "
            f"dilation {self.dilation}, {self.activation})"
        )


def problems(
    seeds: Iterable[int], dtype: npt.DTypeLike, kind: str = "3x3"
) -> Iterator[Problem]:
    """Yield the problem of each seed, of a kind in ``KERNELS``."""
    for seed in seeds:
        rng = np.random.default_rng([seed, np.dtype(dtype).itemsize, ord(kind[-1])])
        N, H, W = int(rng.integers(1, 4)), *(int(n) for n in rng.choice(EXTENTS, 2))
        C, O = (int(n) for n in rng.choice(CHANNELS, 2))
        kernel, stride = KERNELS[kind][rng.integers(len(KERNELS[kind]))]
        if kernel[0] * kernel[1] > 9:
            C, O = min(C, 49), min(O, 33)
        dilation = (1, 1)
        if stride == 1 and rng.random() < 0.25:
            dilation = tuple(int(d) for d in rng.integers(1, 5, 2))
        padding = PADDINGS[rng.integers(len(PADDINGS))]
        if padding != "SAME":
            pads = ((0, 0), (0, 0)) if padding == "VALID" else padding
            H, W = (
                size + max((k - 1) * d - sum(pad), 0)
                for size, k, d, pad in zip((H, W), kernel, dilation, pads, strict=True)
            )
        x = _images(rng, (N, H, W, C)).astype(dtype)
        bias = None if rng.random() < 0.3 else rng.standard_normal(O).astype("f4")
        yield Problem(
            seed,
            x,
            _weights(rng, O, C, kernel),
            (10.0 ** rng.uniform(-4, 0, O)).astype(np.float32),
            bias,
            padding,
            dilation,
            str(rng.choice(ACTIVATIONS)),
            stride,
        )


def worst_weights(
    O: int, C: int, kernel: tuple[int, int] = (3, 3)
) -> npt.NDArray[np.int8]:
    """(O, *kernel, C) weights: all -128, all 127, alternating, and random extremes."""
    shape = (*kernel, C)
    taps = np.arange(kernel[0] * kernel[1] * C).reshape(shape)
    patterns = (
        np.full(shape, -128),
        np.full(shape, 127),
        np.where(taps % 2, 127, -128),
        np.where(taps // C % 2, 127, -128),
        np.random.default_rng(C).choice([-128, 127], shape),
    )
    return np.stack([patterns[o % len(patterns)] for o in range(O)]).astype(np.int8)


def _weights(
    rng: np.random.Generator, O: int, C: int, kernel: tuple[int, int]
) -> npt.NDArray[np.int8]:
    """Draw Gaussian, uniform or worst weights."""
    draw, shape = rng.random(), (O, *kernel, C)
    if draw < 0.3:
        return worst_weights(O, C, kernel)
    if draw < 0.6:
        return rng.integers(-128, 128, shape).astype(np.int8)
    return np.clip(np.rint(rng.standard_normal(shape) * 40), -128, 127).astype(np.int8)


def _images(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray:
    """Draw images: ordinary, one-sided, of two values, of one, or with a NaN."""
    kind, x = rng.random(), rng.standard_normal(shape)
    if kind < 0.15:
        x = np.abs(x)
    elif kind < 0.35:
        x = rng.choice([-1.0, 1.0], shape)
    elif kind < 0.45:
        x = np.full(shape, float(rng.choice([-2.0, 0.0, 3.0])))
    elif kind < 0.5:
        x[int(rng.integers(shape[0]))].flat[0] = np.nan
    return x


def main() -> int:
    """Count unequal elements of every path on every runnable tier."""
    import qd8_reference
    from rich.progress import track

    import qd8
    from qd8 import winograd
    from qd8.kernels import isa, schedule
    from tests.checks import unequal_bits

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--paths", default="winograd,split,direct")
    parser.add_argument("--kernels", default=",".join(KERNELS))
    parser.add_argument("--tiers", default=",".join(isa.runnable()))
    parser.add_argument("--first-seed", type=int, default=1_000_000)
    options = parser.parse_args()
    paths, tiers = options.paths.split(","), options.tiers.split(",")
    kernels, elements, limit = options.kernels.split(","), 0, winograd.proof_limit
    wrong = dict.fromkeys(itertools.product(kernels, paths, tiers), 0)
    seeds = range(options.first_seed, options.first_seed + options.count)
    for seed, kind in track(list(itertools.product(seeds, kernels)), "Winograd"):
        dtype = (np.float32, np.float16)[seed % 4 == 0]
        problem = next(problems([seed], dtype, kind))
        expected = qd8_reference.conv2d_steps(problem.x, **problem.arguments)
        elements += expected.output.size
        for path, tier in itertools.product(paths, tiers):
            # "split": a bound so small that nearly every problem has several blocks
            winograd.proof_limit = (lambda _: 1 << 18) if path == "split" else limit
            forced = "direct" if path == "direct" else "winograd"
            with isa.forced(tier), schedule.forced(forced), qd8.threads(1 + seed % 2):
                steps = qd8.Conv2D(**problem.arguments).steps(problem.x)
            unequal = sum(
                int(unequal_bits(a, b).sum()) if a.shape == b.shape else a.size
                for a, b in zip(expected, steps, strict=True)
            )
            if unequal:
                print(f"unequal on {tier}, {path}: {problem}")
            wrong[kind, path, tier] += unequal
    for case, number in wrong.items():
        name = "{:6} {:9} {:11}".format(*case)
        print(f"{name} {options.count} problems, {number} unequal elements")
    print(f"{elements} outputs in all")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
