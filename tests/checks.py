"""Equality of bits: the only comparison the tests of this project know."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


def assert_same_bits(
    expected: npt.ArrayLike, actual: npt.ArrayLike, what: str = "array"
) -> None:
    """Raise unless both arrays agree in dtype, shape and every bit.

    Parameters
    ----------
    expected, actual : arrays of one boolean, integer or floating dtype
        Any NaN equals any NaN, whatever its payload; -0.0 differs from +0.0.
    what : str
        Names the quantity in the message.

    Raises
    ------
    AssertionError
        Counts the unequal elements and shows the first three: index, both
        values, both bit patterns.
    """
    expected, actual = np.asarray(expected), np.asarray(actual)
    if expected.dtype != actual.dtype:
        raise AssertionError(
            f"{what}: expected dtype {expected.dtype}, got {actual.dtype}"
        )
    if expected.shape != actual.shape:
        raise AssertionError(
            f"{what}: expected shape {expected.shape}, got {actual.shape}"
        )
    unequal = unequal_bits(expected, actual)
    if not unequal.any():
        return
    lines = [f"{what}: {int(unequal.sum())} of {unequal.size} elements differ"]
    for index in np.argwhere(unequal)[:3]:
        at = tuple(int(i) for i in index)
        lines.append(
            f"  at {at}: expected {expected[at]!s} ({_hex(expected[at])}),"
            f" got {actual[at]!s} ({_hex(actual[at])})"
        )
    raise AssertionError("\n".join(lines))


def assert_same_fields(expected: NamedTuple, actual: NamedTuple) -> None:
    """Raise unless two named tuples agree field by field, bit by bit.

    Every field is looked at before raising: a wrong accumulator and the wrong
    output it leads to are one message, the first cause first.
    """
    if expected._fields != actual._fields:
        raise AssertionError(
            f"expected fields {expected._fields}, got {actual._fields}"
        )
    failures = []
    for field in expected._fields:
        try:
            assert_same_bits(getattr(expected, field), getattr(actual, field), field)
        except AssertionError as failure:
            failures.append(str(failure))
    if failures:
        raise AssertionError("\n".join(failures))


def unequal_bits(expected: npt.NDArray, actual: npt.NDArray) -> npt.NDArray[np.bool_]:
    """Mark the elements whose bits differ; two NaNs never do."""
    unequal = _bits(expected) != _bits(actual)
    if np.issubdtype(expected.dtype, np.floating):
        unequal &= ~(np.isnan(expected) & np.isnan(actual))
    return unequal


def _bits(array: npt.NDArray) -> npt.NDArray:
    """View an array as unsigned integers of its own width, in native order."""
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return native.view(f"u{array.dtype.itemsize}").reshape(array.shape)


def _hex(value: np.generic) -> str:
    """Write the bits of one element."""
    width = 2 * value.dtype.itemsize
    return f"0x{int(_bits(np.asarray(value))):0{width}x}"
