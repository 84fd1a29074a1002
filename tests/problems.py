"""Problems: everything an operator is given, built from a seed and a family.

The same builders serve Hypothesis (tests/strategies.py draws seed, family and sizes)
and the deep counts (tests/deep walks over seeds), so a failure of either is
reproduced by the repr it prints.
"""

import zlib
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tests import families

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")

# Below, at and above the tiles of every tier (rows, channels, lane groups), and 1.
EDGE = (1, 2, 3, 5, 6, 7, 11, 12, 13, 15, 16, 17, 31, 32, 33)
EDGE_M = EDGE
EDGE_N = (*EDGE, 8, 9, 63, 64, 65)
EDGE_K = (*EDGE, 4, 8, 9, 63, 64, 65, 127, 129, 255)

# Families with a finite range: LiteRT judges these. R10 is our own (C3).
_SHARED = (
    "gaussian",
    "value_tie",
    "zero_point_tie",
    "zero_point_branch",
    "subnormal",
    "constant",
    "one_sided",
    "two_valued",
    "zero",
    "huge",
    "extreme_weights",
    "wrap",
)
_FLOAT32 = (*_SHARED, "flushed_range", "flushed_result", "fma_tie")
_FLOAT16 = (*_SHARED, "small_range", "half_tie")
_POINTWISE = ("pointwise", "pointwise_1_to_1", "pointwise_strided")
NON_FINITE = "non_finite"


def row_families(dtype: npt.DTypeLike = np.float32) -> tuple[str, ...]:
    """Name the families of activations alone, rows of R10 included."""
    every = (*fully_connected_families(dtype), NON_FINITE)
    return tuple(name for name in every if name in families.ROWS)


def fully_connected_families(dtype: npt.DTypeLike = np.float32) -> tuple[str, ...]:
    """Name the families of finite range for a fully connected layer."""
    return _FLOAT32 if dtype == np.float32 else _FLOAT16


def conv_families(dtype: npt.DTypeLike = np.float32) -> tuple[str, ...]:
    """Name the families of finite range for a convolution."""
    return (*fully_connected_families(dtype), *_POINTWISE)


@dataclass(frozen=True, repr=False, eq=False)
class FullyConnectedProblem:
    """A fully connected layer and its input.

    x (M, K) float32 or float16; weight (N, K) int8; weight_scale (N,) or () float32;
    bias (N,) float32 or None.
    """

    x: npt.NDArray
    weight: npt.NDArray[np.int8]
    weight_scale: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None
    activation: str
    family: str
    seed: int

    @classmethod
    def generate(
        cls,
        seed: int,
        family: str,
        *,
        dtype: npt.DTypeLike = np.float32,
        M: int | None = None,
        N: int | None = None,
        K: int | None = None,
        extreme: bool = False,
    ) -> Self:
        """Build the problem that ``seed`` and ``family`` mean, of the given sizes.

        Sizes left out are drawn from the edges; a family that needs more (two
        elements a row, a K that wraps int32) raises K. ``extreme`` has the worst
        weights, wherever the family plants none.
        """
        rng = _generator(seed, family, dtype, "fully_connected")
        M, N, K = (
            int(rng.choice(edge)) if given is None else given
            for given, edge in ((M, EDGE_M), (N, EDGE_N), (K, EDGE_K))
        )
        if family == "wrap":
            M, N, K = min(M, 2), min(N, 3), int(rng.integers(66_000, 70_000))
        if family in families.EPILOGUES:
            K = max(K, 2)
            planted = families.EPILOGUES[family](rng, M, N, K, dtype)
            return cls(*planted, _usually_none(rng), family, seed)
        if family == "wrap":
            x, weight = _wrapping(rng, M, N, K, dtype)
        else:
            x = families.ROWS.get(family, families.gaussian)(rng, M, K, dtype)
            extreme = extreme or family == "extreme_weights"
            weight = _weight(rng, N, K, extreme=extreme)
        scale, bias = _scale_and_bias(rng, x, N, K)
        return cls(x, weight, scale, bias, str(rng.choice(ACTIVATIONS)), family, seed)

    @property
    def arguments(self) -> dict[str, Any]:
        """The layer without its input, as keyword arguments."""
        return {
            "weight": self.weight,
            "weight_scale": self.weight_scale,
            "bias": self.bias,
            "activation": self.activation,
        }

    def __repr__(self) -> str:
        """Say what to pass to ``generate`` and what came of it."""
        M, (N, K) = self.x.shape[0], self.weight.shape
        bias = "no bias" if self.bias is None else "bias"
        return (
            f"FullyConnectedProblem(seed={self.seed}, {self.family}, {self.x.dtype},"
            f" M={M}, N={N}, K={K}, weight_scale {self.weight_scale.shape}, {bias},"
            f" {self.activation})"
        )


@dataclass(frozen=True, repr=False, eq=False)
class ConvProblem:
    """A convolution and its input.

    x (N, H, W, C) float32 or float16; weight (O, KH, KW, C/groups) int8;
    weight_scale (O,) or () float32; bias (O,) float32 or None.
    """

    x: npt.NDArray
    weight: npt.NDArray[np.int8]
    weight_scale: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None
    activation: str
    family: str
    seed: int
    stride: tuple[int, int] = (1, 1)
    padding: str | tuple[tuple[int, int], tuple[int, int]] = "SAME"
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @classmethod
    def generate(
        cls,
        seed: int,
        family: str,
        *,
        dtype: npt.DTypeLike = np.float32,
        extreme: bool = False,
    ) -> Self:
        """Build the problem that ``seed`` and ``family`` mean.

        ``extreme`` has the worst weights, wherever the family plants none.
        """
        rng = _generator(seed, family, dtype, "conv2d")
        if family in families.EPILOGUES or family == "wrap":
            return cls._of_one_patch(rng, seed, family, dtype)
        shape, options = _conv_shape(rng, family)
        return cls.of_shape(
            rng, seed, family, shape, dtype=dtype, extreme=extreme, **options
        )

    @classmethod
    def of_shape(
        cls,
        rng: np.random.Generator,
        seed: int,
        family: str,
        shape: tuple[int, ...],
        *,
        dtype: npt.DTypeLike,
        extreme: bool = False,
        **options: Any,
    ) -> Self:
        """Build a convolution of (N, H, W, C, O, KH, KW), its image of a family.

        ``extreme`` has the worst weights, which "extreme_weights" has anyway.
        """
        N, H, W, C, O, KH, KW = shape
        rows = families.ROWS.get(family, families.gaussian)
        per_pixel = _is_pointwise((C, O, KH, KW), **options)
        if per_pixel or family.startswith("pointwise"):
            x = rows(rng, N * H * W, C, dtype).reshape(N, H, W, C)
        else:
            x = rows(rng, N, H * W * C, dtype).reshape(N, H, W, C)
        depth = KH * KW * C // options["groups"]
        extreme = extreme or family == "extreme_weights"
        weight = _weight(rng, O, depth, extreme=extreme)
        scale, bias = _scale_and_bias(rng, x.reshape(N, -1), O, depth)
        return cls(
            x,
            weight.reshape(O, KH, KW, -1),
            scale,
            bias,
            str(rng.choice(ACTIVATIONS)),
            family,
            seed,
            **options,
        )

    @classmethod
    def _of_one_patch(
        cls, rng: np.random.Generator, seed: int, family: str, dtype: npt.DTypeLike
    ) -> Self:
        """Build a convolution whose image is one patch, so its sum can be planted."""
        N, O = int(rng.integers(1, 4)), int(rng.choice(EDGE_N))
        KH, KW = (int(k) for k in rng.integers(1, 4, 2))
        C = int(rng.choice((1, 2, 3, 4, 8, 17)))
        if family == "wrap":
            O, C = min(O, 2), -(-int(rng.integers(66_000, 68_000)) // (KH * KW))
            flat, weight = _wrapping(rng, N, O, KH * KW * C, dtype)
            scale, bias = _scale_and_bias(rng, flat, O, KH * KW * C)
            activation = str(rng.choice(ACTIVATIONS))
        else:
            C = max(C, 2)
            flat, weight, scale, bias = families.EPILOGUES[family](
                rng, N, O, KH * KW * C, dtype
            )
            activation = _usually_none(rng)
        return cls(
            flat.reshape(N, KH, KW, C),
            weight.reshape(O, KH, KW, C),
            scale,
            bias,
            activation,
            family,
            seed,
            padding="VALID",
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """The layer without its input, as keyword arguments."""
        return {
            "weight": self.weight,
            "weight_scale": self.weight_scale,
            "bias": self.bias,
            "activation": self.activation,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }

    @property
    def is_pointwise(self) -> bool:
        """Whether XNNPACK makes a fully connected over pixels of it (R11)."""
        O, KH, KW, _ = self.weight.shape
        return _is_pointwise(
            (self.x.shape[-1], O, KH, KW), self.stride, self.padding, groups=self.groups
        )

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """(N, OH, OW, O), from R17."""
        extents = []
        for axis in (0, 1):
            n, stride = self.x.shape[1 + axis], self.stride[axis]
            reach = (self.weight.shape[1 + axis] - 1) * self.dilation[axis] + 1
            if self.padding == "SAME":
                extents.append(-(-n // stride))
            else:
                added = 0 if self.padding == "VALID" else sum(self.padding[axis])
                extents.append((n + added - reach) // stride + 1)
        return self.x.shape[0], extents[0], extents[1], self.weight.shape[0]

    def with_explicit_padding(self) -> Self:
        """Return the same kernel and image, padded by explicit odd amounts."""
        KH, KW = self.weight.shape[1:3]
        amounts = ((KH // 2, KH // 2 + self.seed % 3), (KW, self.seed % 2))
        return replace(self, padding=amounts)

    def __repr__(self) -> str:
        """Say what to pass to ``generate`` and what came of it."""
        bias = "no bias" if self.bias is None else "bias"
        return (
            f"ConvProblem(seed={self.seed}, {self.family}, {self.x.dtype},"
            f" x {self.x.shape}, weight {self.weight.shape}, stride {self.stride},"
            f" {self.padding}, dilation {self.dilation}, groups {self.groups},"
            f" weight_scale {self.weight_scale.shape}, {bias}, {self.activation})"
        )


def _generator(
    seed: int, family: str, dtype: npt.DTypeLike, operator: str
) -> np.random.Generator:
    """Return the random numbers of a problem; families are independent streams."""
    name = f"{operator} {family} {np.dtype(dtype)}"
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _is_pointwise(
    kernel: tuple[int, int, int, int],
    stride: tuple[int, int],
    padding: object,
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> bool:
    """Apply R11 to a kernel of (C, O, KH, KW); dilation does not matter to it."""
    unpadded = padding in ("SAME", "VALID", ((0, 0), (0, 0)))
    plain = (*kernel[2:], *stride, groups) == (1, 1, 1, 1, 1)
    return plain and unpadded and kernel[:2] != (1, 1)


def _usually_none(rng: np.random.Generator) -> str:
    """Draw an activation; most planted outputs must not be clamped away."""
    return "none" if rng.random() < 0.8 else str(rng.choice(ACTIVATIONS))


def _weight(
    rng: np.random.Generator, N: int, K: int, *, extreme: bool
) -> npt.NDArray[np.int8]:
    """Draw weights: uniform, or all -128, all 127, alternating, or a mix."""
    if not extreme:
        return rng.integers(-127, 128, (N, K)).astype(np.int8)
    patterns = (
        np.full(K, -128),
        np.full(K, 127),
        np.where(np.arange(K) % 2, 127, -128),
        rng.choice([-128, 127], K),
    )
    chosen = rng.integers(0, len(patterns), N)
    return np.stack([patterns[i] for i in chosen]).astype(np.int8)


def _wrapping(
    rng: np.random.Generator, M: int, N: int, K: int, dtype: npt.DTypeLike
) -> tuple[npt.NDArray, npt.NDArray[np.int8]]:
    """Draw rows near their maximum and weights of -128: sums beyond 2^31 (R13)."""
    # Only K > 65793 can overflow 255 * 128 * K.
    x = rng.uniform(0.999, 1.0, (M, K)) * rng.choice([-1.0, 1.0], (M, 1))
    weight = np.full((N, K), -128)
    weight[rng.random(N) < 0.3, ::997] = 127
    return x.astype(dtype), weight.astype(np.int8)


def _scale_and_bias(
    rng: np.random.Generator, x: npt.NDArray, N: int, K: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """Draw scales that bring outputs near the clamps, and a bias of their size.

    A bias far from the products would hide the rounding of one or the other.
    """
    finite = np.where(np.isfinite(x), x, 0).astype(np.float64)
    magnitude = np.median(np.abs(finite).max(axis=1)) or 1.0
    typical = 3.0 / (magnitude / 255 * 60 * 75 * np.sqrt(K))
    scale = typical * 10.0 ** rng.uniform(-1, 1, N if rng.random() < 0.85 else ())
    scale = np.clip(scale, 2e-38, 1e38).astype(np.float32)
    output = float(np.median(scale)) * magnitude / 255 * 60 * 75 * np.sqrt(K)
    kind = rng.random()
    if kind < 0.2:
        return scale, None
    bias = rng.standard_normal(N) * output
    if kind < 0.35:
        bias = np.full(N, -0.0)
    elif kind < 0.45:
        bias = bias * 2.0**-130  # mostly subnormal: R14 flushes it
    return scale, bias.astype(np.float32)


def _conv_shape(
    rng: np.random.Generator, family: str
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Draw (N, H, W, C, O, KH, KW) and the options of a convolution."""
    N, H, W = int(rng.integers(1, 4)), *(int(n) for n in rng.integers(1, 10, 2))
    if family.startswith("pointwise") or rng.random() < 0.15:
        C, O = int(rng.choice((1, 2, 3, 5, 16, 17))), int(rng.choice(EDGE_N))
        if family == "pointwise_1_to_1":
            C = O = 1
        strided = family == "pointwise_strided"
        stride = tuple(int(s) for s in rng.integers(2, 4, 2)) if strided else (1, 1)
        options = {"stride": stride, "padding": str(rng.choice(["SAME", "VALID"]))}
        if rng.random() < 0.2:
            options["dilation"] = (2, 2)
        return (N, H, W, C, O, 1, 1), {"groups": 1, **options}
    groups = int(rng.choice((1, 1, 1, 2, 3, 4)))
    C = groups * int(rng.choice((1, 2, 3, 4, 5, 8, 16, 17)))
    O = groups * int(rng.choice((1, 2, 3, 7, 8, 9, 16, 17)))
    KH, KW = (int(k) for k in rng.choice((1, 2, 3, 3, 5), 2))
    dilation = tuple(int(d) for d in rng.choice((1, 1, 2, 3), 2))
    options = {
        "stride": tuple(int(s) for s in rng.choice((1, 1, 2, 3), 2)),
        "padding": str(rng.choice(["SAME", "VALID"])),
        "dilation": dilation,
        "groups": groups,
    }
    H = max(H, (KH - 1) * dilation[0] + 1)
    W = max(W, (KW - 1) * dilation[1] + 1)
    return (N, H, W, C, O, KH, KW), options
