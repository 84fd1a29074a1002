"""C1 for quantization alone: rows, images and the converter's weights."""

import numpy as np
import numpy.typing as npt
import pytest
import qd8_reference
from hypothesis import given
from hypothesis import strategies as st

import qd8
from tests import families
from tests.checks import assert_same_bits, assert_same_fields
from tests.strategies import HALF, SEEDS, activations

DTYPES = pytest.mark.parametrize("dtype", [np.dtype(np.float32), HALF], ids=str)


@given(x=activations())
def test_rows(isa: str, x: npt.NDArray) -> None:
    """Every family of rows gives the reference's values, zero points and scales."""
    assert_same_fields(qd8_reference.quantize_rows(x), qd8.quantize_rows(x))


@given(x=activations(HALF))
def test_float16_rows(isa: str, x: npt.NDArray) -> None:
    """The same from float16."""
    assert_same_fields(qd8_reference.quantize_rows(x), qd8.quantize_rows(x))


@DTYPES
@pytest.mark.parametrize("family", families.ROWS)
def test_images(isa: str, family: str, dtype: np.dtype) -> None:
    """One range an image, of whatever family (in float16 a flushed one is zeros)."""
    rng = np.random.default_rng(5)
    for H, W, C in ((1, 1, 1), (3, 5, 2), (7, 1, 19), (16, 16, 3)):
        x = families.ROWS[family](rng, 3, H * W * C, dtype).reshape(3, H, W, C)
        expected = qd8_reference.quantize_images(x)
        assert_same_fields(expected, qd8.quantize_images(x))


@DTYPES
@pytest.mark.parametrize("K", [1, 2, 7, 8, 9, 31, 32, 33, 1000])
def test_lengths(isa: str, K: int, dtype: np.dtype) -> None:
    """The extreme may sit in any lane of a vector or in the tail."""
    x = np.zeros((2 * K, K), dtype)
    x[np.arange(K), np.arange(K)] = 3.0
    x[np.arange(K, 2 * K), np.arange(K)] = -0.7
    x += np.linspace(0.0, 0.1, K, dtype=dtype)
    assert_same_fields(qd8_reference.quantize_rows(x), qd8.quantize_rows(x))


@DTYPES
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_element_anywhere(isa: str, bad: float, dtype: np.dtype) -> None:
    """R10 holds wherever in a row the NaN or infinity is."""
    for K in (1, 5, 16, 33, 70):
        x = np.ones((K, K), dtype)
        x[np.arange(K), np.arange(K)] = bad
        q = qd8.quantize_rows(x)
        assert_same_fields(qd8_reference.quantize_rows(x), q)
        assert np.isnan(q.scale).all()


@DTYPES
def test_dequantize(isa: str, dtype: np.dtype) -> None:
    """``dequantize`` is the reference's, for rows and for images."""
    x = np.random.default_rng(6).standard_normal((2, 3, 4, 5)).astype(dtype)
    for name in ("quantize_rows", "quantize_images"):
        expected = getattr(qd8_reference, name)(x).dequantize()
        assert_same_bits(expected, getattr(qd8, name)(x).dequantize())


@given(
    seed=SEEDS,
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple),
    per=st.sampled_from(["channel", "tensor"]),
    data=st.data(),
)
def test_weights(
    seed: int, shape: tuple[int, ...], per: str, data: st.DataObject
) -> None:
    """The converter's bytes: ties, zeros, subnormals and large values included."""
    rng = np.random.default_rng(seed)
    kind = data.draw(st.sampled_from(["normal", "tie", "tiny", "huge", "zeros"]))
    weight = rng.standard_normal(shape)
    if kind == "tie":
        weight = rng.integers(-254, 255, shape) * 0.5
        weight.flat[0] = 127.0
    weight = weight * {"tiny": 1e-40, "huge": 1e38, "zeros": 0.0}.get(kind, 1.0)
    weight = np.clip(weight, -3e38, 3e38).astype(np.float32)
    axis = data.draw(st.integers(0, len(shape) - 1))
    expected = qd8_reference.quantize_weights(weight, axis=axis, per=per)
    actual = qd8.quantize_weights(weight, axis=axis, per=per)
    assert_same_fields(expected, actual)
