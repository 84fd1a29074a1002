"""Problems for Winograd, and their large counts on every tier.

``python -m tests.kernels.winograd_problems --count 2000 --paths winograd,direct,split``
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

EXTENTS = tuple(range(1, 14))
CHANNELS = (*range(1, 41), 47, 48, 49, 63, 64, 65, 96, 128)
ACTIVATIONS = ("none", "none", "relu", "relu6", "relu_n1_to_1")
PADDINGS = ("SAME", "VALID", ((0, 0), (0, 0)), ((1, 2), (3, 0)), ((0, 5), (4, 1)))


@dataclass(frozen=True, repr=False, eq=False)
class Problem:
    """A 3x3 convolution of stride 1; x (N, H, W, C), weight (O, 3, 3, C) int8."""

    seed: int
    x: npt.NDArray
    weight: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float32] | None = None
    bias: npt.NDArray[np.float32] | None = None
    padding: Any = "SAME"
    dilation: tuple[int, int] = (1, 1)
    activation: str = "none"

    @property
    def arguments(self) -> dict[str, Any]:
        """The layer without its input, as keyword arguments."""
        return {
            "weight": self.weight,
            "weight_scale": np.float32(0.01) if self.scale is None else self.scale,
            "bias": self.bias,
            "padding": self.padding,
            "dilation": self.dilation,
            "activation": self.activation,
        }

    def __repr__(self) -> str:
        """Say what it is."""
        return (
            f"Problem(seed={self.seed}, x {self.x.shape} {self.x.dtype}, weight "
            f"{self.weight.shape}, {self.padding}, dilation {self.dilation}, "
            f"{self.activation})"
        )


def problems(seeds: Iterable[int], dtype: npt.DTypeLike) -> Iterator[Problem]:
    """Yield the problem of each seed; sizes at which no output is left are skipped."""
    for seed in seeds:
        rng = np.random.default_rng([seed, np.dtype(dtype).itemsize])
        N, H, W = int(rng.integers(1, 4)), *(int(n) for n in rng.choice(EXTENTS, 2))
        C, O = (int(n) for n in rng.choice(CHANNELS, 2))
        dilation = (1, 1)
        if rng.random() < 0.25:
            dilation = tuple(int(d) for d in rng.integers(1, 5, 2))
        padding = PADDINGS[rng.integers(len(PADDINGS))]
        if padding == "VALID" or padding == ((0, 0), (0, 0)):
            H, W = H + 2 * dilation[0], W + 2 * dilation[1]
        elif padding != "SAME":
            H, W = H + 2 * dilation[0] - 1, W + 2 * dilation[1] - 1
        x = _images(rng, (N, H, W, C)).astype(dtype)
        bias = None if rng.random() < 0.3 else rng.standard_normal(O).astype("f4")
        yield Problem(
            seed,
            x,
            _weights(rng, O, C),
            (10.0 ** rng.uniform(-4, 0, O)).astype(np.float32),
            bias,
            padding,
            dilation,
            str(rng.choice(ACTIVATIONS)),
        )


def worst_weights(O: int, C: int) -> npt.NDArray[np.int8]:
    """(O, 3, 3, C) weights: all -128, all 127, alternating, and random extremes."""
    taps = np.arange(9 * C).reshape(3, 3, C)
    patterns = (
        np.full((3, 3, C), -128),
        np.full((3, 3, C), 127),
        np.where(taps % 2, 127, -128),
        np.where(taps // C % 2, 127, -128),
        np.random.default_rng(C).choice([-128, 127], (3, 3, C)),
    )
    return np.stack([patterns[o % len(patterns)] for o in range(O)]).astype(np.int8)


def _weights(rng: np.random.Generator, O: int, C: int) -> npt.NDArray[np.int8]:
    """Draw Gaussian, uniform or worst weights."""
    kind = rng.random()
    if kind < 0.3:
        return worst_weights(O, C)
    if kind < 0.6:
        return rng.integers(-128, 128, (O, 3, 3, C)).astype(np.int8)
    return np.clip(np.rint(rng.standard_normal((O, 3, 3, C)) * 40), -128, 127).astype(
        np.int8
    )


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
    parser.add_argument("--tiers", default=",".join(isa.runnable()))
    parser.add_argument("--first-seed", type=int, default=1_000_000)
    options = parser.parse_args()
    paths, tiers = options.paths.split(","), options.tiers.split(",")
    wrong = {(path, tier): 0 for path in paths for tier in tiers}
    elements, limit = 0, winograd.LIMIT
    seeds = range(options.first_seed, options.first_seed + options.count)
    for seed in track(seeds, "Winograd"):
        dtype = (np.float32, np.float16)[seed % 4 == 0]
        problem = next(problems([seed], dtype))
        expected = qd8_reference.conv2d_steps(problem.x, **problem.arguments)
        elements += expected.output.size
        for path, tier in wrong:
            # "split": a bound so small that nearly every problem has several blocks
            winograd.LIMIT = 1 << 18 if path == "split" else limit
            forced = "direct" if path == "direct" else "winograd"
            with isa.forced(tier), schedule.forced(forced), qd8.threads(1 + seed % 2):
                steps = qd8.Conv2D(**problem.arguments).steps(problem.x)
            unequal = sum(
                int(unequal_bits(a, b).sum()) if a.shape == b.shape else a.size
                for a, b in zip(expected, steps, strict=True)
            )
            if unequal:
                print(f"unequal on {tier}, {path}: {problem}")
            wrong[path, tier] += unequal
    for (path, tier), number in wrong.items():
        print(f"{path:9} {tier:11} {options.count} problems, {number} unequal elements")
    print(f"{elements} outputs each")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
