"""Problems for Winograd: every kind of kernel, sizes and channels at the edges."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.problems import ConvProblem, row_families

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
PADDINGS = ("SAME", "VALID", ((0, 0), (0, 0)), ((1, 2), (3, 0)), ((0, 5), (4, 1)))


@dataclass(frozen=True, repr=False, eq=False)
class Problem:
    """A convolution by hand; x (N, H, W, C), weight (O, KH, KW, C) int8."""

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
) -> Iterator[ConvProblem]:
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
        yield ConvProblem.of_shape(
            rng,
            seed,
            str(rng.choice(row_families(dtype))),
            (N, H, W, C, O, *kernel),
            dtype=dtype,
            extreme=rng.random() < 0.4,
            stride=(stride, stride),
            padding=padding,
            dilation=dilation,
            groups=1,
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
