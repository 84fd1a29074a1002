"""Random problems of the operators whose bits are LiteRT's: R38, R39, R40.

    PYTHONPATH=reference python reference/tests/check_operators.py [PROBLEMS] [SEED]

Run in the root of the qd8 repository, where ai-edge-litert is. Prints, for each
operator, how many problems XNNPACK (TFLite for nearest neighbours) was asked and how
many had an unequal bit; exits with 1 if there is one.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import qd8_reference

import litert_operator

Array = npt.NDArray[Any]
# The reference's function, its arguments and keywords; then what LiteRT takes.
Problem = tuple[Callable[..., Array], tuple[Any, ...], dict[str, Any], dict[str, Any]]


def activations(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw float32 numbers: ordinary, subnormal ranges, one-sided, zeros, mixed."""
    x = generator.normal(size=shape) * 10.0 ** generator.integers(-3, 4)
    kind = generator.integers(8)
    if kind == 0:
        x *= 1e-38
    if kind == 1:
        x = np.abs(x)
    if kind == 2:
        x *= 0
    if kind == 3:
        x.reshape(-1)[0] = 1e-40
    return x.astype(np.float32)


def resizes(generator: np.random.Generator, problems: int) -> Iterator[Problem]:
    """Yield both resizes, by each of the three conventions."""
    for _ in range(problems):
        h, w, oh, ow = generator.integers(1, 40, 4).tolist()
        x = generator.normal(size=(1, h, w, 2)).astype(np.float32)
        given = [x, litert_operator.Constant(np.array([oh, ow], np.int32))]
        for align, half in [(False, False), (True, False), (False, True)]:
            keywords = {"align_corners": align, "half_pixel_centers": half}
            options = {"alignCorners": align, "halfPixelCenters": half}
            for name in ("ResizeBilinear", "ResizeNearestNeighbor"):
                snake = {"ResizeBilinear": "resize_bilinear"}
                operator = snake.get(name, "resize_nearest_neighbor")
                call = {"name": operator.upper(), "inputs": given, "options": options}
                yield (
                    getattr(qd8_reference, operator),
                    (x,),
                    {"size": (oh, ow), **keywords},
                    {**call, "options_name": name},
                )


def batch_matmuls(generator: np.random.Generator, problems: int) -> Iterator[Problem]:
    """Yield products with int8 matrices whose batch axes broadcast."""
    for _ in range(problems):
        m, k, n = generator.integers(1, 20, 3).tolist()
        batch = [(), (2,), (2, 3)][generator.integers(3)]
        theirs = [batch, (1,) * len(batch), ()][generator.integers(3)]
        adj_x, adj_y = (bool(b) for b in generator.integers(0, 2, 2))
        a = activations(generator, (*batch, *((k, m) if adj_x else (m, k))))
        shape = (*theirs, *((n, k) if adj_y else (k, n)))
        b = generator.integers(-128, 128, shape).astype(np.int8)
        scale = np.exp(generator.normal(size=1)).astype(np.float32)
        options = {"adjX": adj_x, "adjY": adj_y, "asymmetricQuantizeInputs": True}
        call = {
            "name": "BATCH_MATMUL",
            "inputs": [a, litert_operator.Constant(b, scale)],
            "options": options,
            "options_name": "BatchMatMul",
            "version": 4,
        }
        keywords = {"adj_x": adj_x, "adj_y": adj_y}
        yield qd8_reference.batch_matmul_quantized, (a, b, scale), keywords, call


def transpose_convs(generator: np.random.Generator, problems: int) -> Iterator[Problem]:
    """Yield transposed convolutions that XNNPACK takes."""
    for _ in range(problems):
        n = int(generator.integers(1, 3))
        o, i = generator.integers(1, 9, 2).tolist()
        kernel = generator.integers(1, 5, 2).tolist()
        size = tuple(int(generator.integers(k, 14)) for k in kernel)
        padding = ["SAME", "VALID"][generator.integers(2)]
        more = 2 * (padding == "VALID")  # SAME by a wider stride is not delegated
        stride = tuple(int(generator.integers(1, k + 1 + more)) for k in kernel)
        read = size
        if padding == "VALID":
            read = tuple(s - k + 1 for s, k in zip(size, kernel, strict=True))
        h, w = (-(-r // s) for r, s in zip(read, stride, strict=True))
        x = activations(generator, (n, h, w, i))
        weight = generator.integers(-128, 128, (o, *kernel, i)).astype(np.int8)
        scale = np.exp(generator.normal(size=o)).astype(np.float32)
        bias = generator.normal(size=o).astype(np.float32)
        activation = ["none", "relu", "relu_n1_to_1", "relu6"][generator.integers(4)]
        codes = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}
        shape = (n, *size, o)
        call = {
            "name": "TRANSPOSE_CONV",
            "inputs": [
                litert_operator.Constant(np.array(shape, np.int32)),
                litert_operator.Constant(weight, scale),
                x,
                litert_operator.Constant(bias),
            ],
            "options": {
                "padding": int(padding == "VALID"),
                "strideH": stride[0],
                "strideW": stride[1],
                "fusedActivationFunction": codes[activation],
            },
            "options_name": "TransposeConv",
            "version": 4,
        }
        keywords = {
            "output_shape": shape,
            "stride": stride,
            "padding": padding,
            "activation": activation,
        }
        operator = qd8_reference.transpose_conv2d_quantized
        yield operator, (x, weight, scale, bias), keywords, call


def main() -> int:
    """Compare, print, and return how many problems differ."""
    problems = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    wrong = 0
    for kind in (resizes, batch_matmuls, transpose_convs):
        counts: dict[str, list[int]] = {}
        for operator, arrays, keywords, call in kind(
            np.random.default_rng(seed), problems
        ):
            got = operator(*arrays, **keywords)
            given = {**call, "outputs": [(got.shape, got.dtype)]}
            (expected,), delegated = litert_operator.run(**given)
            assert delegated or "nearest" in operator.__name__, call
            count = counts.setdefault(operator.__name__, [0, 0])
            count[0] += 1
            count[1] += np.asarray(expected).tobytes() != got.tobytes()
        for name, (asked, unequal) in counts.items():
            print(f"{name:28}{asked:6} problems, {unequal} unequal")
            wrong += unequal
    return wrong


if __name__ == "__main__":
    sys.exit(main() > 0)
