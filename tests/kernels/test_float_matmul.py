"""BATCH_MATMUL and TRANSPOSE_CONV in float against the definition (R39, R40)."""

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import float_matmul, float_transpose_conv
from qd8.kernels.float_pack import pack_conv2d_float
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild

ADJOINTS = [(False, False), (False, True), (True, False), (True, True)]


def multiply(a, b, adj_x, adj_y, threads):
    """Compare one product with its definition."""
    a = np.ascontiguousarray(np.swapaxes(a, -1, -2)) if adj_x else a
    b = np.ascontiguousarray(np.swapaxes(b, -1, -2)) if adj_y else b
    options = {"adj_x": adj_x, "adj_y": adj_y}
    expected = qd8_reference.batch_matmul(a, b, **options)
    out = output(expected.shape, expected.dtype)
    calls = float_matmul.bind_batch_matmul(a, b, out, **options, threads=threads)
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize(("adj_x", "adj_y"), ADJOINTS)
@pytest.mark.parametrize("N", [1, 7, 8, 16, 31, 32, 33, 40, 70])
def test_columns(isa, dtype, threads, adj_x, adj_y, N):
    """Every width of the last panel, each way that the matrices may lie."""
    a, b = wild(N, 2, 5, 9, dtype=dtype), wild(N + 1, 2, 9, N, dtype=dtype)
    multiply(a, b, adj_x, adj_y, threads)


@pytest.mark.parametrize("M", [*range(1, 14), 23, 24, 25, 49, 61, 200])
def test_rows(isa, threads, M):
    """Every number of rows that the tiles must make up; several blocks."""
    for N in (20, 64):  # a narrow tile and a wide one
        multiply(wild(M, M, 3), wild(2, 3, N), False, False, threads)


@pytest.mark.parametrize("K", [1, 3, 4, 5, 64, 515])
def test_terms(isa, dtype, K):
    """Every rest of the unrolled k, in ascending order."""
    a, b = floats(K, 3, 7, K, dtype=dtype), floats(K + 1, 3, K, 35, dtype=dtype)
    multiply(a, b, False, True, 1)


@pytest.mark.parametrize(
    ("left", "right"),
    [((), ()), ((3,), ()), ((), (3,)), ((2, 1), (1, 3)), ((2, 3), (3,)), ((1,), (4,))],
)
def test_batches(isa, threads, left, right):
    """Matrices that several outputs share."""
    a, b = wild(3, *left, 4, 6), wild(4, *right, 6, 9)
    multiply(a, b, False, False, threads)


def transpose_convolve(x, weight, bias, shape, *, threads=1, packed=False, **options):
    """Compare one transposed convolution with its definition."""
    options = {"activation": "none", **options}
    with np.errstate(all="ignore"):
        expected = qd8_reference.transpose_conv2d(
            x, weight, bias, output_shape=shape, **options
        )
    out = output(expected.shape, expected.dtype)
    given = pack_conv2d_float(weight) if packed else weight
    calls = float_transpose_conv.bind_transpose_conv2d_float(
        x, given, bias, out, **options, threads=threads
    )
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 2), (1, 4)])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (4, 5), (2, 1)])
def test_transpose_conv_geometry(isa, dtype, threads, padding, stride, kernel):
    """Outputs that one tap reaches, several, and none."""
    x = wild(5, 2, 4, 5, 3, dtype=dtype)
    weight, bias = floats(6, 9, *kernel, 3), floats(7, 9)
    size = [n * s for n, s in zip((4, 5), stride, strict=True)]
    if padding == "VALID":
        size = [(n - 1) * s + k for n, s, k in zip((4, 5), stride, kernel, strict=True)]
    options = {"stride": stride, "padding": padding}
    transpose_convolve(x, weight, bias, (2, *size, 9), threads=threads, **options)


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_transpose_conv_of_uneven_outputs(isa, extra, activation):
    """Several images give the same input: rows at the end may be reached by less."""
    x, weight = wild(8, 1, 6, 6, 17), floats(9, 40, 3, 3, 17)
    shape = (1, 12 - extra, 12 - extra, 40)
    transpose_convolve(
        x, weight, None, shape, stride=(2, 2), padding="SAME", activation=activation,
        packed=True,
    )  # fmt: skip
