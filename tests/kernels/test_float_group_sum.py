"""Sums over groups of channels against the definition (R22), where they lie."""

from itertools import product

import numpy as np
import pytest
import qd8_reference

from qd8.kernels.float_group_sum import bind_group_sum
from qd8.kernels.float_sum import bind_mean, bind_sum
from qd8.kernels.groups import Groups, grouped
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild

# Channels of a group: dividing sixteen, divided by it, neither; one piece, several.
CHANNELS = [1, 2, 3, 4, 8, 10, 15, 16, 17, 20, 32, 40, 49]
BINDS = {"sum": bind_sum, "mean": bind_mean}


@pytest.mark.parametrize("make", [floats, wild])
def test_sums_and_means(isa, dtype, threads, make):
    """Both reductions of a group norm's five axes, several images."""
    for C, (name, bind) in product(CHANNELS, BINDS.items()):
        x = make(C, 2, 3, 7, 5, C, dtype=dtype)
        with np.errstate(all="ignore"):
            expected = getattr(qd8_reference, name)(x, axes=(1, 2, 4), keepdims=True)
        out = output(expected.shape, dtype)
        calls = bind(x, out, axes=(1, 2, 4), threads=threads)
        assert len(calls) == 1  # nothing is moved
        assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("make", [floats, wild])
def test_squared_deviations(isa, dtype, threads, make):
    """SUM(SQUARE(x - m)); of float16 the difference is rounded, the square is not."""
    for C, P in product(CHANNELS, (1, 2, 37)):
        x, m = make(P, 2, P, 6, C, dtype=dtype), floats(P + 1, 2, 1, 6, 1, dtype=dtype)
        with np.errstate(all="ignore"):
            difference = qd8_reference.sub(x, m).astype(np.float32)
            squares = qd8_reference.square(difference)
            expected = qd8_reference.sum(squares, axes=(1, 3))
        out, groups = output((2, 6), np.float32), Groups(2, P, 6, C)
        calls = bind_group_sum(x, m, out, groups, divisor=1.0, threads=threads)
        assert_same_bits(expected, run(calls, out))


def test_nothing_beside_the_array_is_read(isa, dtype):
    """A piece at an edge is loaded alone: the memory beside may not be there."""
    room = np.full(7 * 15 + 64, np.nan, dtype)
    x = room[32 : 32 + 7 * 15].reshape(1, 7, 5, 3)
    x[:] = floats(3, *x.shape, dtype=dtype)
    expected = qd8_reference.sum(x, axes=(1, 3))
    out = output((1, 5), dtype)
    assert_same_bits(expected, run(bind_sum(x, out, axes=(1, 3), threads=1), out))


@pytest.mark.parametrize(
    ("shape", "axes", "found"),
    [
        ((2, 8, 8, 4, 3), (1, 2, 4), Groups(2, 64, 4, 3)),
        ((1, 8, 8, 4, 3), (1, 2, 4), Groups(1, 64, 4, 3)),
        ((1, 8, 8, 4, 1), (1, 2, 4), Groups(1, 64, 4, 1)),
        ((8, 5, 4), (0, 2), Groups(1, 8, 5, 4)),
        ((2, 3, 8, 4), (2, 3), None),
        ((8, 4), (0, 1), None),
        ((2, 3, 4, 5, 6), (0, 2, 4), None),
    ],
)
def test_what_is_groups(shape, axes, found):
    """Axes of extent 1 do not matter, and neighbours of a kind are one."""
    assert grouped(shape, axes) == found
