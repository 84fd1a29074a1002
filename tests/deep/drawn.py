"""Problems of each path, by seed: every family of activations, the worst weights often.

Every fourth problem is float16. The families hold ties, one-sided and constant rows,
subnormals, the ends of the range alone, NaN and infinities (tests/families.py).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels import isa
from qd8.kernels.implicit_schedule import Runs
from tests import families
from tests.kernels.winograd_problems import problems
from tests.problems import (
    EDGE_N,
    NON_FINITE,
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
    row_families,
)

FLOAT, HALF = np.dtype(np.float32), np.dtype(np.float16)
PADDINGS = ("SAME", "VALID", ((0, 0), (0, 0)), ((1, 2), (3, 0)), ((0, 5), (4, 1)))


class Given(NamedTuple):
    """What an operator is given: its input, its weights, its options."""

    seed: int
    x: npt.NDArray[Any]
    weights: tuple[Any, ...]
    options: dict[str, Any]

    def __repr__(self) -> str:
        """Say which problem it is, without its numbers."""
        shapes = [getattr(weight, "shape", weight) for weight in self.weights]
        return (
            f"problem {self.seed}: {self.x.dtype} {self.x.shape}, {shapes}, "
            f"{self.options}"
        )


def dtype_of(seed: int) -> np.dtype[Any]:
    """Every fourth problem is float16."""
    return HALF if seed % 4 == 0 else FLOAT


def rows(*M: int) -> Callable[[int], FullyConnectedProblem]:
    """Fully connected layers of every family; of one of ``M`` rows, or of any."""

    def problem(seed: int) -> FullyConnectedProblem:
        dtype, rng = dtype_of(seed), np.random.default_rng(seed)
        names = (*fully_connected_families(dtype), NON_FINITE)
        return FullyConnectedProblem.generate(
            seed,
            str(rng.choice(names)),
            dtype=dtype,
            M=int(rng.choice(M)) if M else None,
            extreme=rng.random() < 0.4,
        )

    return problem


def images(seed: int) -> ConvProblem:
    """Convolutions of every family that quantize images, a half of them padded."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    names = [name for name in conv_families(dtype) if "pointwise" not in name]
    while True:
        family = str(rng.choice([*names, NON_FINITE]))
        problem = ConvProblem.generate(
            int(rng.integers(1 << 40)),
            family,
            dtype=dtype,
            extreme=rng.random() < 0.4,
        )
        if rng.random() < 0.5:
            problem = problem.with_explicit_padding()
        if not problem.is_pointwise:
            return problem


def pixels(seed: int) -> ConvProblem:
    """Convolutions that are a fully connected over pixels (R11)."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    N, H, W = (int(n) for n in rng.integers(1, 9, 3))
    C, O = int(rng.choice((2, 3, 16, 17, 64, 65))), int(rng.choice(EDGE_N))
    padding = str(rng.choice(("SAME", "VALID")))
    return _drawn(rng, seed, (N, H, W, C, O, 1, 1), dtype, padding=padding)


def long_runs(seed: int) -> ConvProblem:
    """Convolutions whose runs of taps are whole blocks of 64, as packed."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    N, H = int(rng.integers(1, 4)), int(rng.integers(1, 20))
    W = int(rng.integers(1, 45))
    KH, KW = (int(k) for k in rng.choice((1, 2, 3, 3, 5), 2))
    dilation = tuple(int(d) for d in rng.choice((1, 1, 1, 2, 3), 2))
    groups = int(rng.choice((1, 1, 1, 2)))
    touching = dilation[1] == 1 and groups == 1
    taps, runs = (KW, KH) if touching else (1, KH * KW)
    N_group = int(rng.choice((1, 7, 16, 17, 31, 32, 33, 40)))
    I, amx = 0, isa.BY_NAME["amx"]
    panels = -(-N_group // amx.NR)
    while I == 0 or Runs(runs, I * taps).step(amx, "", panels) % amx.KB:
        I = -(-int(rng.choice((9, 27, 52, 60, 64, 116, 128, 192))) // taps)
    padding = PADDINGS[rng.integers(len(PADDINGS))]
    if padding != "SAME":
        H, W = H + (KH - 1) * dilation[0], W + (KW - 1) * dilation[1]
    stride = tuple(int(s) for s in rng.choice((1, 1, 2, 3), 2))
    options: dict[str, Any] = {"stride": stride, "padding": padding}
    options |= {"dilation": dilation, "groups": groups}
    if (KH, KW) == (1, 1) and padding in ("SAME", "VALID", ((0, 0), (0, 0))):
        options["stride"] = (1, 2)  # with 1, pixels would be quantized (R11)
    shape = N, H, W, I * groups, N_group * groups, KH, KW
    return _drawn(rng, seed, shape, dtype, **options)


def winograd(kind: str) -> Callable[[int], ConvProblem]:
    """Convolutions of a kind of kernel that Winograd has."""
    return lambda seed: next(problems([seed], dtype_of(seed), kind))


def transposed(seed: int) -> Given:
    """Transposed convolutions of every stride up to 3 and larger kernels."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    N, H, W, C, O = (int(n) for n in rng.integers(1, 7, 5))
    stride = tuple(int(s) for s in rng.integers(1, 4, 2))
    KH, KW = (int(s + rng.integers(0, 3)) for s in stride)
    inner = _drawn(rng, seed, (N, H, W, C, O, KH, KW), dtype)
    padding = str(rng.choice(("SAME", "VALID")))
    size = H * stride[0], W * stride[1]
    if padding == "VALID":
        size = (H - 1) * stride[0] + KH, (W - 1) * stride[1] + KW
    options = {"output_shape": (N, *size, O), "stride": stride, "padding": padding}
    options["activation"] = inner.activation
    weights = inner.weight, inner.weight_scale, inner.bias
    return Given(seed, inner.x, weights, options)


def batches(seed: int) -> Given:
    """Batch matmuls, leading axes broadcast, either side transposed."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    M, K, N = (int(rng.choice((1, 2, 5, 16, 17, 33, 70))) for _ in range(3))
    left, right = (((), ()), ((2,), ()), ((), (3,)), ((2, 1), (3,)))[rng.integers(4)]
    adj_x, adj_y = (bool(a) for a in rng.integers(0, 2, 2))
    family = families.ROWS[str(rng.choice(row_families(dtype)))]
    a = family(rng, int(np.prod(left, dtype=int)) * M, K, dtype).reshape(*left, M, K)
    b = rng.integers(-128, 128, (*right, N, K))
    if rng.random() < 0.4:
        b = rng.choice([-128, 127], b.shape)
    if adj_x:
        a = np.ascontiguousarray(a.swapaxes(-1, -2))
    if not adj_y:
        b = np.ascontiguousarray(b.swapaxes(-1, -2))
    scale = (10.0 ** rng.uniform(-4, 0, N)).astype(np.float32)
    options = {"adj_x": adj_x, "adj_y": adj_y}
    return Given(seed, a, (b.astype(np.int8), scale), options)


def _drawn(
    rng: np.random.Generator,
    seed: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    **options: Any,
) -> ConvProblem:
    """A convolution of (N, H, W, C, O, KH, KW), of any family."""
    plain = {"stride": (1, 1), "padding": "SAME", "dilation": (1, 1), "groups": 1}
    family = str(rng.choice(row_families(dtype)))
    extreme = rng.random() < 0.4
    given: dict[str, Any] = plain | options
    return ConvProblem.of_shape(
        rng, seed, family, shape, dtype=dtype, extreme=extreme, **given
    )
