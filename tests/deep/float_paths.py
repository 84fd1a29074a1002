"""The float kernels as paths: NaN, infinities, subnormals and both zeros among all.

Each is a problem of a seed, the definition's answer and the kernels'. Every grain of
work is 1, so that three tasks share whatever there is.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import qd8_reference
from qd8_reference.window import output_size, resolve_padding

from qd8.kernels import (
    attention,
    chain,
    float_matmul,
    float_pool,
    float_schedule,
    float_sum,
    float_transpose_conv,
    float_unary,
    float_window,
    strided_copy,
)
from qd8.kernels.chain_program import CHANNEL, IMAGE, OPERATORS, ROW, SAME, SCALAR, Link
from tests.deep.drawn import Given, dtype_of
from tests.kernels import test_attention, test_chain
from tests.kernels.float_values import floats, output, run, wild
from tests.kernels.test_float_gemm import convolve, fully_connected
from tests.kernels.test_float_windows import depthwise

GRAINS = attention, chain, float_matmul, float_schedule, float_unary, float_window
GRAINS += (float_sum, strided_copy)
ACTIVATIONS = "none", "relu", "relu6", "relu_n1_to_1"
EDGE = 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 24, 25, 31, 32, 33
# Kernel, stride, dilation, activation of depthwise convolution and pooling, of which
# each is a kernel of its own: taps written out, and loops (stride 3; 35 taps).
WINDOWS: tuple[tuple[Any, ...], ...] = (
    ((3, 3), (1, 1), (1, 1), "relu6"),
    ((3, 3), (2, 2), (1, 1), "none"),
    ((5, 5), (1, 1), (1, 1), "none"),
    ((2, 3), (1, 2), (2, 2), "relu"),
    ((3, 2), (3, 3), (1, 1), "relu_n1_to_1"),
    ((7, 5), (2, 1), (1, 1), "none"),
)
Arrays = Sequence[npt.NDArray[Any]]
# Each operator alone, two links over each kind of operand, and a gated GELU.
PROGRAMS: list[tuple[Sequence[Link], tuple[int, ...]]] = [
    ((Link(name, tuple(map(test_chain.operand, range(count)))),), (SAME,) * count)
    for name, count in OPERATORS.items()
]
PROGRAMS += [
    (
        (
            Link("sub", (test_chain.operand(0), test_chain.operand(1))),
            Link("div", (test_chain.operand(1), test_chain.result(0))),
        ),
        (SAME, kind),
    )
    for kind in (SAME, CHANNEL, IMAGE, ROW, SCALAR)
]
PROGRAMS.append((test_chain.GELU, (SAME, SAME, *(SCALAR,) * 4)))
Answer = Callable[[Given], Arrays]


def _values(seed: int, which: int, *shape: int, dtype: Any = np.float32) -> Any:
    """Floats of all magnitudes; of every third problem some are not finite."""
    draw = floats if seed % 3 else wild
    return draw(8 * seed + which, *shape, dtype=dtype)


def _bias(rng: np.random.Generator, seed: int, channels: int) -> Any:
    return None if rng.random() < 0.3 else _values(seed, 3, channels)


def _size(rng: np.random.Generator, *edge: int) -> int:
    return int(rng.choice(edge or EDGE))


def _pair(rng: np.random.Generator, *of: int) -> tuple[int, int]:
    return _size(rng, *of), _size(rng, *of)


def gemm(seed: int) -> Given:
    """Rows by weights, float16 ones too."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    M, N, K = _size(rng), _size(rng, *EDGE, 65), _size(rng, *EDGE, 70)
    weight = _values(seed, 1, N, K, dtype=(np.float32, dtype)[seed % 8 == 0])
    weights = weight, _bias(rng, seed, N)
    options = {"activation": str(rng.choice(ACTIVATIONS))}
    return Given(seed, _values(seed, 0, M, K, dtype=dtype), weights, options)


def _windows(seed: int, depthwise: bool) -> Given:
    """Images that touch every border, kernels up to 5x5, stride, dilation."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    N, H, W = (int(n) for n in rng.integers(1, (3, 9, 20)))
    if depthwise:
        (KH, KW), stride, dilation, activation = WINDOWS[seed % len(WINDOWS)]
    else:
        KH, KW = _pair(rng, 1, 2, 3, 3, 5)
        stride, dilation = _pair(rng, 1, 1, 2, 3), _pair(rng, 1, 1, 2, 3)
        activation = str(rng.choice(ACTIVATIONS))
    options: dict[str, Any] = {"stride": stride, "dilation": dilation}
    options["padding"] = ("SAME", ((KH, KH), (KW, KW - 1)))[seed % 5 == 0]
    options["activation"] = activation
    H, W = max(H, (KH - 1) * dilation[0] + 1), max(W, (KW - 1) * dilation[1] + 1)
    if depthwise:
        C, multiplier = _size(rng), _size(rng, 1, 1, 1, 2, 3)
        shape: tuple[int, ...] = 1, KH, KW, C * multiplier
        channels = shape[-1]
    else:
        groups = _size(rng, 1, 1, 2, 3)
        C, channels = groups * _size(rng, 1, 2, 3, 7), groups * _size(rng, 1, 5, 8, 17)
        shape = channels, KH, KW, C // groups
        options["groups"] = groups
    weights = _values(seed, 1, *shape), _bias(rng, seed, channels)
    return Given(seed, _values(seed, 0, N, H, W, C, dtype=dtype), weights, options)


def pooling(seed: int) -> Given:
    """Averages and maxima over windows; which of the two is the only weight."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    N, H, W, C = *(int(n) for n in rng.integers(1, (3, 9, 20))), _size(rng)
    window, stride, _, activation = WINDOWS[seed % len(WINDOWS)]
    H, W = max(H, window[0]), max(W, window[1])
    options = {"window": window, "stride": stride, "activation": activation}
    options["padding"] = str(rng.choice(("SAME", "VALID")))
    name = ("average_pool_2d", "max_pool_2d")[seed // len(WINDOWS) % 2]
    return Given(seed, _values(seed, 0, N, H, W, C, dtype=dtype), (name,), options)


def matmul(seed: int) -> Given:
    """Two activations, either side transposed, leading axes broadcast."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    M, K, N = (_size(rng) for _ in range(3))
    left, right = (((), ()), ((2,), ()), ((), (3,)), ((2, 1), (3,)))[rng.integers(4)]
    options = {"adj_x": bool(rng.integers(2)), "adj_y": bool(rng.integers(2))}
    a = (K, M) if options["adj_x"] else (M, K)
    b = (N, K) if options["adj_y"] else (K, N)
    x = _values(seed, 0, *left, *a, dtype=dtype)
    return Given(seed, x, (_values(seed, 1, *right, *b, dtype=dtype),), options)


def transposed(seed: int) -> Given:
    """Outputs that one tap reaches, several, and none."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    N, H, W, C = (int(n) for n in rng.integers(1, 6, 4))
    O, kernel, stride = _size(rng, 1, 5, 8, 17, 33), _pair(rng, 1, 2, 3, 4), None
    stride = _pair(rng, 1, 2, 3)
    size = H * stride[0], W * stride[1]
    padding = ("SAME", "VALID")[seed % 2]
    if padding == "VALID":
        size = (H - 1) * stride[0] + kernel[0], (W - 1) * stride[1] + kernel[1]
    options: dict[str, Any] = {"stride": stride, "padding": padding}
    options |= {"activation": str(rng.choice(ACTIVATIONS))}
    options["output_shape"] = N, *size, O
    weights = _values(seed, 1, O, *kernel, C), _bias(rng, seed, O)
    return Given(seed, _values(seed, 0, N, H, W, C, dtype=dtype), weights, options)


def heads(seed: int) -> Given:
    """Queries, transposed keys, values."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    T, S, K, N = (_size(rng, *edge) for edge in ((), (*EDGE, 140), (1, 3, 8, 40), ()))
    weights = (
        _values(seed, 1, 2, K, S, dtype=dtype),
        _values(seed, 2, 2, S, N, dtype=dtype),
    )
    return Given(seed, _values(seed, 0, 2, T, K, dtype=dtype), weights, {})


def sums(seed: int) -> Given:
    """Tensors of four axes and those that are summed over."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    shape = *(int(n) for n in rng.integers(1, 8, 3)), _size(rng, *EDGE, 70)
    axes = [(1, 2), (0,), (1,), (2,), (3,), (2, 3), (0, 1, 2), (0, 1, 2, 3)]
    options = {"axes": axes[rng.integers(len(axes))]}
    return Given(seed, _values(seed, 0, *shape, dtype=dtype), (), options)


def programs(seed: int) -> Given:
    """Programs of element-wise operators over every kind of operand."""
    dtype, rng = dtype_of(seed), np.random.default_rng(seed)
    links, kinds = PROGRAMS[seed % len(PROGRAMS)]
    shape = *(int(n) for n in rng.integers(1, 5, 3)), _size(rng, *EDGE, 37)
    program = test_chain.sized(links, kinds, shape)
    operands = tuple(
        _values(seed, n, *test_chain.shaped(kind, shape), dtype=dtype)
        for n, kind in enumerate(kinds)
    )
    return Given(seed, operands[0], operands, {"program": program, "shape": shape})


def _defined(function: Callable[..., Any]) -> Answer:
    def expected(given: Given) -> Arrays:
        with np.errstate(all="ignore"):
            return (function(given.x, *given.weights, **given.options),)

    return expected


def _kernels(function: Callable[..., Any]) -> Answer:
    def actual(given: Given) -> Arrays:
        with ExitStack() as stack:
            for module in GRAINS:
                stack.enter_context(mock.patch.object(module, "GRAIN", 1))
            threads = 1 + given.seed % 3
            given = given._replace(options=given.options | {"threads": threads})
            return (function(given.x, *given.weights, **given.options),)

    return actual


def _pooled(x: Any, name: str, **options: Any) -> Any:
    return getattr(qd8_reference, name)(x, **options)


def _pool(x: Any, name: str, *, padding: Any, threads: int, **options: Any) -> Any:
    geometry = x.shape[1:3], options["window"], options["stride"], (1, 1)
    sides = resolve_padding(padding, *geometry)
    out = output((len(x), *output_size(*geometry, sides), x.shape[3]), x.dtype)
    bind = getattr(float_pool, f"bind_{name}")
    return run(bind(x, out, padding=sides, threads=threads, **options), out)


def _multiplied(a: Any, b: Any, *, threads: int, **options: Any) -> Any:
    M, N = a.shape[-1 - (not options["adj_x"])], b.shape[-2 + (not options["adj_y"])]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = output((*batch, M, N), a.dtype)
    calls = float_matmul.bind_batch_matmul(a, b, out, **options, threads=threads)
    return run(calls, out)


def _transposed(x: Any, weight: Any, bias: Any, *, output_shape: Any, **options: Any):
    out = output(output_shape, x.dtype)
    calls = float_transpose_conv.bind_transpose_conv2d_float(
        x, weight, bias, out, **options
    )
    return run(calls, out)


def _mean(x: Any, *, threads: int, **options: Any) -> Any:
    with np.errstate(all="ignore"):
        out = output(qd8_reference.mean(x, **options).shape, x.dtype)
    return run(float_sum.bind_mean(x, out, **options, threads=threads), out)


def _program(x: Any, *operands: Any, program: Any, shape: Any) -> Any:
    return np.broadcast_to(test_chain.defined(program, operands), shape)


def _chained(x: Any, *operands: Any, program: Any, shape: Any, threads: int) -> Any:
    out = output(shape, x.dtype)
    calls = chain.bind_chain(*operands, out, program=program, threads=threads)
    return run(calls, out)


def _path(problem: Any, reference: Any, kernels: Any) -> tuple[Any, Answer, Answer]:
    return problem, _defined(reference), _kernels(kernels)


PATHS = {
    "float gemm": _path(gemm, qd8_reference.fully_connected_float, fully_connected),
    "float convolution": _path(
        lambda seed: _windows(seed, False), qd8_reference.conv2d_float, convolve
    ),
    "float depthwise": _path(
        lambda seed: _windows(seed, True), qd8_reference.depthwise_conv2d, depthwise
    ),
    "float pooling": _path(pooling, _pooled, _pool),
    "float batch matmul": _path(matmul, qd8_reference.batch_matmul, _multiplied),
    "float transposed convolution": _path(
        transposed, qd8_reference.transpose_conv2d, _transposed
    ),
    "float mean": _path(sums, qd8_reference.mean, _mean),
    "attention": _path(heads, test_attention.expected, test_attention.attend),
    "chain": _path(programs, _program, _chained),
}
