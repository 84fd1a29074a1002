"""Float operators without taps against the definition: R3, R4, R21, R24 to R26."""

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import float_binary, float_softmax, float_unary
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild

SIZES = [1, 15, 16, 17, 63, 64, 65, 1000]
SHAPES = [
    ((33,), (33,)),
    ((3, 5, 7), (3, 5, 7)),
    ((37,), ()),
    ((), (37,)),
    ((1,), (2, 1)),
    ((4, 3, 20), (20,)),
    ((20,), (4, 3, 20)),
    ((2, 3, 4, 20), (2, 1, 1, 20)),  # squeeze-and-excite
    ((2, 3, 4, 20), (2, 3, 4, 1)),
    ((5, 1), (1, 18)),
    ((2, 1, 3, 1, 2, 2), (1, 4, 1, 5, 1, 2)),
    ((1, 40, 6, 5), (1, 1, 6, 1)),  # group normalization
    ((1, 1, 1), (1, 1, 1)),
]


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_binary(isa, dtype, threads, name, left, right):
    """Every way of broadcasting, walked by one and by three tasks."""
    a, b = wild(1, *left, dtype=dtype), wild(2, *right, dtype=dtype)
    expected = getattr(qd8_reference, name)(a, b)
    out = output(expected.shape, dtype)
    bind = getattr(float_binary, f"bind_{name}")
    calls = bind(a, b, out, activation="none", threads=threads)
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("activation", ["relu", "relu6", "relu_n1_to_1"])
@pytest.mark.parametrize("size", SIZES)
def test_binary_activation(isa, dtype, activation, size):
    """The clamp follows the one rounding, full lanes and rest."""
    a, b = wild(3, size, dtype=dtype), wild(4, size, dtype=dtype)
    expected = qd8_reference.sub(a, b, activation=activation)
    out = output((size,), dtype)
    calls = float_binary.bind_sub(a, b, out, activation=activation, threads=1)
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("name", ["relu", "relu6", "logistic"])
@pytest.mark.parametrize("size", SIZES)
def test_unary(isa, dtype, threads, name, size):
    """All lanes and every rest."""
    x = wild(5, size, dtype=dtype)
    out = output((size,), dtype)
    calls = getattr(float_unary, f"bind_{name}")(x, out, threads=threads)
    assert_same_bits(getattr(qd8_reference, name)(x), run(calls, out))


def test_every_float16(isa):
    """All 65536 of them: widened, narrowed back, and through the logistic."""
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    wide = output(x.shape, np.float32)
    assert_same_bits(
        x.astype(np.float32), run(float_unary.bind_cast(x, wide, threads=1), wide)
    )
    narrow = output(x.shape, np.float16)
    assert_same_bits(x, run(float_unary.bind_cast(wide, narrow, threads=1), narrow))
    out = output(x.shape, np.float16)
    calls = float_unary.bind_logistic(x, out, threads=1)
    assert_same_bits(qd8_reference.logistic(x), run(calls, out))


def test_narrowing_rounds_once_to_even(isa):
    """Around every float16: just below, at and just above the tie to the next."""
    half = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    step = np.append(half[1:], np.float32(65536)) - half
    ties = half + step / np.float32(2)
    around = [np.nextafter(ties, np.float32(d)) for d in (-np.inf, np.inf)]
    x = np.concatenate([ties, -ties, *around])
    out = output(x.shape, np.float16)
    calls = float_unary.bind_cast(x, out, threads=1)
    assert_same_bits(qd8_reference.cast(x), run(calls, out))


def test_logistic_over_its_range(isa):
    """From where exp underflows to where it overflows, finely; and the edges."""
    x = np.concatenate([np.linspace(-110, 110, 40001), np.linspace(-1e-3, 1e-3, 999)])
    edges = [-104.0, 89.0, 88.72, -87.33654, -87.33655, 0.0, -0.0, 1e-45]
    edges += [np.inf, np.nan]
    x = np.concatenate([x, edges, np.negative(edges)]).astype(np.float32)
    out = output(x.shape, np.float32)
    calls = float_unary.bind_logistic(x, out, threads=1)
    assert_same_bits(qd8_reference.logistic(x), run(calls, out))


@pytest.mark.parametrize("beta", [1.0, 0.3, -2.0, 0.0])
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 33, 100])
def test_softmax(isa, dtype, threads, n, beta):
    """Rows of every length, near and far apart, and negative beta."""
    x = np.concatenate(
        [floats(6, 3, n, dtype=dtype), np.linspace(-90, 20, 2 * n).reshape(2, n)]
    ).astype(dtype)
    out = output(x.shape, dtype)
    calls = float_softmax.bind_softmax(x, out, beta=beta, threads=threads)
    assert_same_bits(qd8_reference.softmax(x, beta=beta), run(calls, out))


@pytest.mark.parametrize("n", [3, 40])
def test_softmax_vanishes(isa, n):
    """Quotients on both sides of 2^-126, and what is 0 before it is divided."""
    ends = np.linspace(-87.34, -86, 999, dtype=np.float32)
    x = np.zeros((999, n), np.float32)
    x[:, -1] = ends
    out = output(x.shape, np.float32)
    calls = float_softmax.bind_softmax(x, out, beta=1.0, threads=1)
    expected = qd8_reference.softmax(x)
    assert_same_bits(expected, run(calls, out))
    vanished = expected[:, -1] == 0
    assert (expected[~vanished] >= np.finfo(np.float32).smallest_normal).all()
    assert vanished.any()


def test_softmax_is_a_true_division(isa):
    """A million quotients, each by a sum that many share, from 1 down to 2^-126."""
    x = np.random.default_rng(8).uniform(-88, 0, (1000, 1000)).astype(np.float32)
    x *= np.linspace(0, 1, 1000, dtype=np.float32)[:, None]
    out = output(x.shape, np.float32)
    calls = float_softmax.bind_softmax(x, out, beta=1.0, threads=1)
    assert_same_bits(qd8_reference.softmax(x), run(calls, out))


@pytest.mark.parametrize("n", [5, 16, 40])
def test_softmax_of_rows_without_a_finite_range(isa, threads, n):
    """NaN and infinities stay in their row, and no row sees the one before."""
    x = floats(7, 7, n)
    x[0, -1], x[2, 0], x[3, 1], x[4] = np.nan, np.inf, -np.inf, -np.inf
    x[5, :2] = np.finfo(np.float32).max, -np.finfo(np.float32).max
    out = output(x.shape, np.float32)
    calls = float_softmax.bind_softmax(x, out, beta=1.0, threads=threads)
    expected = qd8_reference.softmax(x)
    assert_same_bits(expected, run(calls, out))
    assert np.isfinite(expected[[1, 3, 6]]).all()
