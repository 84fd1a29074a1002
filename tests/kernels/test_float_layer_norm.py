"""Layer normalization in one kernel against the operators it stands for."""

import numpy as np
import pytest
import qd8_reference

from qd8.kernels.float_layer_norm import bind_layer_norm
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild

EPSILON = np.float32(1e-5)


def expected(x, gamma, beta):
    """Run the operators of the unfused graph; statistics are float32 (R30)."""
    dtype = x.dtype
    with np.errstate(all="ignore"):
        mean = qd8_reference.mean(x, axes=(-1,), keepdims=True)
        wide, centre = x.astype(np.float32), mean.astype(np.float32)
        squares = qd8_reference.squared_difference(wide, centre)
        variance = qd8_reference.mean(squares, axes=(-1,), keepdims=True)
        inverse = qd8_reference.rsqrt(qd8_reference.add(variance, EPSILON))
        g = qd8_reference.mul(inverse, gamma).astype(dtype)
        shift = qd8_reference.sub(beta, qd8_reference.mul(mean, g))
        return qd8_reference.add(qd8_reference.mul(x, g), shift)


def normalize(x, gamma, beta, threads=1):
    """Run the kernel."""
    out = output(x.shape, x.dtype)
    calls = bind_layer_norm(
        x, gamma, beta, out, epsilon=float(EPSILON), threads=threads
    )
    return run(calls, out)


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 33, 64, 100])
@pytest.mark.parametrize("make", [floats, wild])
def test_rows(isa, dtype, threads, n, make):
    """Every rest of the lanes; a row with NaN or infinity spoils itself alone."""
    x, gamma, beta = make(n, 7, n, dtype=dtype), floats(1, n), floats(2, n, dtype=dtype)
    assert_same_bits(expected(x, gamma, beta), normalize(x, gamma, beta, threads))


def test_an_infinite_mean_stays_out_of_lanes_behind_the_row(isa):
    """Sums that overflow: the variance is infinite, not NaN, and y is finite."""
    x = np.full((1, 5), 2e38, np.float32)
    gamma, beta = np.ones(5, np.float32), np.ones(5, np.float32)
    found = normalize(x, gamma, beta)
    assert_same_bits(expected(x, gamma, beta), found)


def test_rows_of_one_number(isa, dtype):
    """No variance: epsilon decides."""
    x = np.repeat(floats(3, 40, 1, dtype=dtype), 20, axis=1)
    gamma, beta = floats(4, 20), floats(5, 20, dtype=dtype)
    assert_same_bits(expected(x, gamma, beta), normalize(x, gamma, beta))
