"""Views: an index by strides finds what NumPy's reshape and transpose find."""

import itertools

import numpy as np
import pytest

from qd8.graph.passes.strided import View

SHAPES = [(2, 6, 4), (12, 4), (2, 2, 3, 4), (48,), (3, 1, 16), (6, 8), (4, 12), (1, 48)]


def walked(view):
    """Return the elements that a view of 0, 1, 2, ... walks."""
    places = np.zeros(view.shape, np.int64)
    for axis, stride in enumerate(view.strides):
        steps = [1] * len(view.shape)
        steps[axis] = -1
        places += np.arange(view.shape[axis]).reshape(steps) * stride
    return places


@pytest.mark.parametrize("shape", SHAPES)
def test_views_of_views(shape):
    """Every order of axes, then every shape; refused where NumPy would copy."""
    array = np.arange(48).reshape(shape)
    refused = 0
    for perm in itertools.permutations(range(len(shape))):
        moved, view = array.transpose(perm), View.whole(shape).transposed(perm)
        np.testing.assert_array_equal(moved, walked(view))
        for other in SHAPES:
            found = view.reshaped(other)
            wanted = moved.reshape(other)
            copied = not np.shares_memory(wanted, array)
            assert (found is None) == copied
            refused += copied
            if found is not None:
                np.testing.assert_array_equal(wanted, walked(found))
    assert refused or len(shape) == 1 or 1 in shape


def test_broadcast_and_swapped_matrices():
    """Axes before the matrix repeat; its own two change places."""
    array = np.arange(24).reshape(2, 1, 3, 4)
    view = View.whole(array.shape).broadcast((5, 2, 7)).swapped()
    wanted = np.broadcast_to(array, (5, 2, 7, 3, 4)).swapaxes(-1, -2)
    np.testing.assert_array_equal(wanted, walked(view))
