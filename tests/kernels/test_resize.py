"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR against the definition (R38)."""

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import float_resize, resize_nearest
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


def check(bind, x, size, conventions, threads, stored=None):
    """Compare one resize with its definition."""
    define = getattr(qd8_reference, bind.__name__.removeprefix("bind_"))
    with np.errstate(all="ignore"):
        expected = define(x, size=size, **conventions).astype(stored or x.dtype)
    out = output(expected.shape, expected.dtype)
    assert_same_bits(expected, run(bind(x, out, **conventions, threads=threads), out))


@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("C", [1, 3, 16, 21, 33])
def test_bilinear(isa, dtype, threads, conventions, before, after, C):
    """Larger and smaller, few and many channels, two images."""
    x = wild(C, 2, *before, C, dtype=dtype)
    check(float_resize.bind_resize_bilinear, x, after, conventions, threads)


@pytest.mark.parametrize("past", [True, False], ids=["past caches", "asked for"])
@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("float32", "float32"), ("float16", "float16"), ("float16", "float32")],
)
@pytest.mark.parametrize("C", [1, 5, 21])
@pytest.mark.parametrize("width", [3, 31, 65])
def test_bilinear_of_large_images(
    isa, threads, monkeypatch, past, dtype, stored, C, width
):
    """Rows that begin and end within cache lines; float16 that is kept as float32."""
    monkeypatch.setattr(float_resize, "PAST_CACHES", 0 if past else 2**62)
    x = wild(C, 1, 4, 6, C, dtype=dtype)
    bind = float_resize.bind_resize_bilinear
    check(bind, x, (7, width), CONVENTIONS[1], threads, stored)


@pytest.mark.parametrize("stored", [np.float32, np.float16, np.int64, np.uint8])
@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_nearest(threads, stored, conventions, before, after):
    """Pixels are copied, whatever they hold; a row again where it is the same."""
    x = anything(1, 2, *before, 5, dtype=stored)
    check(resize_nearest.bind_resize_nearest_neighbor, x, after, conventions, threads)
