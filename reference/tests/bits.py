"""Equality of bits; and a ratio, where LiteRT computes by another rule than ours."""

import math
import unittest

import numpy as np
import numpy.typing as npt

UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


class BitsTestCase(unittest.TestCase):
    """A test case that compares arrays bit by bit."""

    def assert_bits(self, expected: npt.ArrayLike, actual: npt.ArrayLike) -> None:
        """Fail unless dtype, shape and every bit agree; any NaN equals any NaN."""
        expected, actual = np.asarray(expected), np.asarray(actual)
        self.assertEqual(expected.dtype, actual.dtype)
        self.assertEqual(expected.shape, actual.shape)
        unsigned = UNSIGNED[expected.dtype.itemsize]
        unequal = expected.view(unsigned) != actual.view(unsigned)
        unequal &= ~(np.isnan(expected) & np.isnan(actual))
        if unequal.any():
            at = tuple(int(i) for i in np.argwhere(unequal)[0])
            self.fail(
                f"{unequal.sum()} of {unequal.size} differ, first at {at}: "
                f"expected {expected[at]!r}, got {actual[at]!r}"
            )


def f32(*values: float) -> npt.NDArray[np.float32]:
    """Return a float32 array of the values."""
    return np.array(values, np.float32)


def sqnr(expected: np.ndarray, got: np.ndarray) -> float:
    """Return signal to difference in dB; -inf if what is not finite differs."""
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], got[~finite], equal_nan=True):
        return -math.inf
    wide = expected[finite].astype(np.float64)
    noise = np.sum((wide - got[finite]) ** 2)
    return float(10 * np.log10(np.sum(wide**2) / noise)) if noise else math.inf
