"""R22 and R35: many elements in, one out."""

import unittest

import numpy as np
import qd8_reference as qd8

from bits import BitsTestCase, f32
from test_float_operators import lanes, normal

NAN = np.nan


class SumTest(BitsTestCase):
    """The order of additions."""

    def test_lanes_where_the_last_axis_is_reduced(self) -> None:
        """Row-major over the reduced axes, 16 lanes and a tree."""
        x = normal(1, 3, 4, 9)
        got = qd8.sum(x, axes=(-1, 0), keepdims=True)
        self.assertEqual((1, 4, 1), got.shape)
        for i in range(4):
            self.assert_bits(lanes(x[:, i].reshape(-1)), got[0, i, 0])

    def test_a_chain_elsewhere(self) -> None:
        """One addition after another from +0.0."""
        x = normal(2, 20, 3)
        total = f32(0, 0, 0)
        for row in x:
            total = total + row
        self.assert_bits(total, qd8.sum(x, axes=(0,)))
        self.assert_bits(f32(0), qd8.sum(f32(-0.0, -0.0)[:, None], axes=(0,)))

    def test_mean_is_that_sum_divided(self) -> None:
        """By the number of elements, over any axes."""
        x = normal(3, 4, 5, 6)
        for axes in [(0,), (1, 0), (2,), (0, 2)]:
            count = np.float32(np.prod([x.shape[axis] for axis in axes]))
            expected = qd8.sum(x, axes=axes) / count
            self.assert_bits(expected, qd8.mean(x, axes=axes))

    def test_cumsum_is_one_chain(self) -> None:
        """Ascending or descending, with or without the element itself."""
        x = normal(4, 2, 30)
        for exclusive in (False, True):
            for reverse in (False, True):
                got = qd8.cumsum(x, axis=1, exclusive=exclusive, reverse=reverse)
                for row, sums in zip(x, got, strict=True):
                    self.assert_bits(running(row, exclusive, reverse), sums)
        self.assertTrue((qd8.cumsum(x, axis=1)[:, -1] != qd8.sum(x, axes=(1,))).any())
        integers = np.array([[2**31 - 1], [1]], np.int32)
        self.assertEqual(
            [[2**31 - 1], [-(2**31)]], qd8.cumsum(integers, axis=0).tolist()
        )


class LargestTest(BitsTestCase):
    """The largest, and where it is."""

    def test_reduce_max(self) -> None:
        """NaN wins; of the zeros +0.0, wherever it stands."""
        x = f32(1, NAN, 3, -0.0, 0, -1, 0, -0.0, -1, -np.inf, -np.inf, -np.inf)
        got = qd8.reduce_max(x.reshape(4, 3), axes=(1,))
        self.assert_bits(f32(NAN, 0, 0, -np.inf), got)
        self.assertEqual(7, qd8.reduce_max(np.array([3, 7, -9]), axes=(0,)))

    def test_arg_max(self) -> None:
        """The first of equals; zeros are equal; the first NaN."""
        x = f32(1, 3, 3, -0.0, 0, -1, 2, NAN, NAN).reshape(3, 3)
        got = qd8.arg_max(x, axis=1, dtype=np.int64)
        self.assert_bits(np.array([1, 0, 1]), got)
        down = qd8.arg_max(f32(1, 5, 5, 5).reshape(2, 2), axis=0)
        self.assert_bits(np.array([1, 0], np.int32), down)


def running(row: np.ndarray, exclusive: bool, reverse: bool) -> np.ndarray:
    """Return the running sums in plain Python."""
    total, sums = np.float32(0), []
    for value in row[::-1] if reverse else row:
        before, total = total, total + value
        sums.append(before if exclusive else total)
    return np.array(sums[::-1] if reverse else sums, np.float32)


if __name__ == "__main__":
    unittest.main()
