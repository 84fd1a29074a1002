"""Transposed convolution and batch matmul give the reference's bits, steps included."""

from typing import Any

import numpy as np
import pytest
import qd8_reference as ref

import qd8
from qd8.batch_matmul import BatchMatMul
from qd8.transpose_conv import TransposeConv2D
from tests.checks import assert_same_bits, assert_same_fields


def adversarial(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Ordinary rows beside tiny, huge, constant and non-finite ones."""
    x = rng.normal(size=shape).astype(np.float32)
    rows = x.reshape(-1, shape[-1])
    for row, plant in enumerate((0.0, 1e-38, 3e37, np.nan, 5.0)):
        if row + 1 < len(rows):
            rows[row] = rows[row] * plant if plant < 4 else plant
    with np.errstate(over="ignore"):
        return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("seed", range(12))
def test_transposed_convolution_is_the_reference(
    isa: str, seed: int, dtype: Any
) -> None:
    """Every field of steps, any stride, kernel and padding; images and threads."""
    rng = np.random.default_rng(seed)
    n, H, W, C, O = (int(v) for v in rng.integers(1, 6, 5))
    stride = tuple(int(v) for v in rng.integers(1, 4, 2))
    KH, KW = (int(s + rng.integers(0, 3)) for s in stride)
    padding = ("SAME", "VALID")[seed % 2]
    size = (H * stride[0], W * stride[1])
    if padding == "VALID":
        size = ((H - 1) * stride[0] + KH, (W - 1) * stride[1] + KW)
    weight = rng.integers(-128, 128, (O, KH, KW, C)).astype(np.int8)
    scale = rng.uniform(1e-3, 1e-2, O).astype(np.float32)
    bias = rng.normal(size=O).astype(np.float32)
    options: dict[str, Any] = {
        "output_shape": (n, *size, O),
        "stride": stride,
        "padding": padding,
        "activation": ("none", "relu6")[seed // 2 % 2],
    }
    x = rng.normal(size=(n, H, W, C)).astype(dtype)
    if seed % 5 == 0:
        x[0, 0, 0, 0] = np.inf
    if seed % 5 == 1:  # the multiplier is infinite: a zero of x becomes 127 (R9)
        x = (x * 1e-38 if dtype == np.float32 else x * 0).astype(dtype)
        x.flat[::3] = 0
        bias[:] = -0.0
    expected = ref.transpose_conv2d_quantized_steps(x, weight, scale, bias, **options)
    layer = TransposeConv2D(weight, scale, bias, **options)
    for threads in (1, 2):
        with qd8.threads(threads):
            assert_same_fields(expected, layer.steps(x))
            assert_same_bits(expected.output, layer(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(
    ("left", "right", "adj_x", "adj_y"),
    [
        ((7, 5), (5, 9), False, False),
        ((2, 7, 5), (9, 5), False, True),
        ((2, 3, 33, 40), (3, 40, 17), False, False),
        ((2, 1, 40, 33), (3, 17, 40), True, True),
        ((4, 1, 6), (1, 6, 70), False, False),
    ],
)
def test_batch_matmul_is_the_reference(
    isa: str, left: Any, right: Any, adj_x: bool, adj_y: bool, dtype: Any
) -> None:
    """Every field of steps, leading axes broadcast, either side transposed."""
    rng = np.random.default_rng(3)
    a = adversarial(rng, left, dtype)
    b = rng.integers(-128, 128, right).astype(np.int8)
    scale = rng.uniform(1e-3, 1e-2, right[-2 if adj_y else -1]).astype(np.float32)
    expected = ref.batch_matmul_quantized_steps(a, b, scale, adj_x=adj_x, adj_y=adj_y)
    layer = BatchMatMul(b, scale, adj_x=adj_x, adj_y=adj_y)
    for threads in (1, 2):
        with qd8.threads(threads):
            assert_same_fields(expected, layer.steps(a))
            assert_same_bits(expected.output, layer(a))


def test_impossible_shapes_are_refused() -> None:
    """Messages say what was given and what is needed."""
    one = np.float32([1.0])
    weight = np.ones((2, 3, 3, 4), np.int8)
    with pytest.raises(ValueError, match=r"output_shape is \(1, 1, 8, 2\)"):
        TransposeConv2D(weight, one, output_shape=(1, 1, 8, 2), padding="VALID")
    layer = TransposeConv2D(weight, one, output_shape=(1, 4, 4, 2), stride=(2, 2))
    with pytest.raises(ValueError, match=r"must be \(N, 2, 2, 4\)"):
        layer(np.ones((1, 4, 4, 4), np.float32))
    with pytest.raises(ValueError, match=r"must be \(\.\.\., M, 5\)"):
        BatchMatMul(np.ones((5, 2), np.int8), one)(np.ones((3, 4), np.float32))
