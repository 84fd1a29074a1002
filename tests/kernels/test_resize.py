"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR against the definition (R38)."""

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import float_resize
from tests.checks import assert_same_bits
from tests.kernels.float_values import anything, output, run, wild

CONVENTIONS = [
    {"align_corners": corners, "half_pixel_centers": centers}
    for corners, centers in ((False, False), (True, False), (False, True))
]
SIZES = [
    ((5, 7), (10, 14)),
    ((5, 7), (33, 65)),
    ((9, 8), (4, 3)),
    ((1, 6), (3, 1)),
    ((4, 4), (1, 1)),
    ((6, 6), (6, 6)),
]


def check(name, x, size, conventions, threads):
    """Compare one resize with its definition."""
    with np.errstate(all="ignore"):
        expected = getattr(qd8_reference, name)(x, size=size, **conventions)
    out = output(expected.shape, expected.dtype)
    bind = getattr(float_resize, f"bind_{name}")
    assert_same_bits(expected, run(bind(x, out, **conventions, threads=threads), out))


@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("C", [1, 3, 16, 21, 33])
def test_bilinear(isa, dtype, threads, conventions, before, after, C):
    """Larger and smaller, few and many channels, two images."""
    x = wild(C, 2, *before, C, dtype=dtype)
    check("resize_bilinear", x, after, conventions, threads)


@pytest.mark.parametrize("stored", [np.float32, np.float16, np.int64, np.uint8])
@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_nearest(threads, stored, conventions, before, after):
    """Pixels are copied, whatever they hold; a row again where it is the same."""
    x = anything(1, 2, *before, 5, dtype=stored)
    check("resize_nearest_neighbor", x, after, conventions, threads)
