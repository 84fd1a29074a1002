"""Copy, pad, concatenation and mean against the definition (R22)."""

import itertools

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import boxes, float_copy, float_mean
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild


@pytest.mark.parametrize("size", [1, 15, 16, 17, 1000])
def test_copy(isa, dtype, threads, size):
    """Bits are moved: NaN, subnormals and signed zeros as they are."""
    x = wild(1, size, dtype=dtype)
    out = output((1, size), dtype)
    calls = float_copy.bind_copy(x, out, threads=threads)
    assert_same_bits(x.reshape(out.shape), run(calls, out))


@pytest.mark.parametrize(
    ("shape", "paddings"),
    [
        ((3,), ((2, 1),)),
        ((2, 3, 4, 5), ((0, 0), (1, 2), (3, 0), (0, 0))),
        ((2, 3, 4, 5), ((0, 0), (0, 0), (0, 0), (0, 0))),
        ((1, 3, 4, 17), ((0, 0), (1, 1), (0, 0), (1, 2))),
        ((2, 1, 2, 3, 2, 2), ((1, 1), (0, 2), (1, 0), (1, 1), (2, 0), (0, 1))),
    ],
)
@pytest.mark.parametrize("value", [0.0, -0.0, 2.5e-8, np.nan, 1e6])
def test_pad(isa, dtype, threads, shape, paddings, value):
    """Every element is written, whatever the rank."""
    x = wild(3, *shape, dtype=dtype)
    expected = qd8_reference.pad(x, paddings=paddings, value=value)
    out = output(expected.shape, dtype)
    calls = float_copy.bind_pad(x, out, paddings=paddings, value=value, threads=threads)
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("activation", ["none", "relu6"])
def test_concatenation(isa, dtype, threads, axis, activation):
    """Arrays of different extents along the axis, clamped afterwards."""
    shapes = np.tile([3, 4, 5], (3, 1))
    shapes[:, axis] = [2, 1, 18]
    arrays = [wild(i, *shape, dtype=dtype) for i, shape in enumerate(shapes)]
    expected = qd8_reference.concatenation(arrays, axis=axis, activation=activation)
    out = output(expected.shape, dtype)
    calls = float_copy.bind_concatenation(
        arrays, out, axis=axis, activation=activation, threads=threads
    )
    assert_same_bits(expected, run(calls, out))


AXES = [
    axes for n in (1, 2, 3, 4) for axes in itertools.combinations(range(4), n)
]  # fmt: skip


@pytest.mark.parametrize("axes", [*AXES, (-1,), (-2, 1)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 5, 7, 66), (3, 1, 2, 1)])
def test_mean(isa, dtype, threads, axes, shape):
    """All sets of axes: with the last one in lanes, else in chains."""
    x = floats(4, *shape, dtype=dtype)
    expected = qd8_reference.mean(x, axes=axes)
    out = output(expected.shape, dtype)
    calls = float_mean.bind_mean(x, out, axes=axes, threads=threads)
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize("n", [1, 15, 16, 17, 32, 333])
@pytest.mark.parametrize("axes", [(0,), (1,)])
def test_mean_of_wild_values(isa, dtype, n, axes):
    """Overflow, NaN and zeros of both signs, every rest of the lanes."""
    x = wild(5, n, n, dtype=dtype)
    x[:, 0] = x[0] = -0.0
    expected = qd8_reference.mean(x, axes=axes)
    out = output(expected.shape, dtype)
    assert_same_bits(
        expected, run(float_mean.bind_mean(x, out, axes=axes, threads=1), out)
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 3, 4), ((24,), (1,), (1,))),
        ((1, 1), ((1,), (1,), (1,))),
        ((5, 1, 7), ((35,), (1,), (1,))),
    ],
)
def test_joined_axes_of_contiguous_boxes(shape, expected):
    """What memory holds in one piece is one axis."""
    strides = boxes.contiguous_strides(shape)
    assert expected == boxes.joined(shape, strides, strides)


def test_joined_axes_of_a_broadcast():
    """(N, 1, 1, C) against (N, H, W, C): pixels are joined, images and lanes not."""
    shape = (2, 3, 4, 20)
    spread = boxes.broadcast_strides((2, 1, 1, 20), shape)
    assert boxes.joined(shape, boxes.contiguous_strides(shape), spread) == (
        (2, 12, 20),
        (240, 20, 1),
        (20, 0, 1),
    )
