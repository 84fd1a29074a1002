"""What the operators accept that work on more than activations.

Movement, comparisons and integer arithmetic take every dtype that a model stores.
As in ``arguments``, a check returns its argument and says what is needed.
"""

import numpy as np
import numpy.typing as npt

from . import arguments
from .environment import require_ieee754
from .types import Tensor

FLOATS = arguments.FLOATS
INTEGERS = (np.int32, np.int64)
NUMBERS = (*FLOATS, *INTEGERS)
#: What a tensor may hold between two operators.
STORED = (*NUMBERS, np.bool_, np.int8, np.uint8)


def tensor(
    name: str, value: object, dtypes: tuple[type, ...] = STORED, rank: int | None = None
) -> Tensor:
    """Return an array of one of ``dtypes`` and, if given, of ``rank`` dimensions."""
    require_ieee754()
    x = arguments.array(name, value, dtypes)
    if rank is not None and x.ndim != rank:
        raise ValueError(f"{name} has shape {x.shape}; it must have {rank} dimensions")
    return x


def scalar(name: str, value: object, dtypes: tuple[type, ...] = STORED) -> Tensor:
    """Return an array of one element as one without dimensions."""
    x = tensor(name, value, dtypes)
    if x.size != 1:
        raise ValueError(f"{name} has shape {x.shape}; it must hold one element")
    return x.reshape(())


def operands(
    a: object,
    b: object,
    dtypes: tuple[type, ...] = NUMBERS,
    names: tuple[str, str] = ("a", "b"),
) -> tuple[Tensor, Tensor]:
    """Return two arrays of one dtype whose shapes broadcast."""
    first, second = tensor(names[0], a, dtypes), tensor(names[1], b, dtypes)
    if first.dtype != second.dtype:
        raise TypeError(
            f"{names[0]} is {first.dtype} and {names[1]} is {second.dtype}; "
            "they must be of one dtype"
        )
    broadcast(**dict(zip(names, (first.shape, second.shape), strict=True)))
    return first, second


def broadcast(**shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape to which named shapes broadcast by NumPy's rule."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        given = " and ".join(f"{name} is {shape}" for name, shape in shapes.items())
        raise ValueError(f"{given}; these shapes do not broadcast") from None


def arrays(value: object) -> list[Tensor]:
    """Return a list of at least one array, all of one dtype."""
    if not isinstance(value, tuple | list) or not value:
        raise ValueError("arrays must be a list of at least one array")
    checked = [tensor(f"arrays[{i}]", array) for i, array in enumerate(value)]
    for i, array in enumerate(checked):
        if array.dtype != checked[0].dtype:
            raise TypeError(
                f"arrays[{i}] is {array.dtype} but arrays[0] is {checked[0].dtype}"
            )
    return checked


def integers(
    name: str,
    value: object,
    length: int | None = None,
    *,
    at_least: int | None = None,
) -> tuple[int, ...]:
    """Return a sequence of integers, of ``length`` and none below ``at_least``."""
    good = isinstance(value, tuple | list)
    found = tuple(value) if isinstance(value, tuple | list) else ()
    good = good and all(arguments.is_integer(n) for n in found)
    good = good and (length is None or len(found) == length)
    good = good and (at_least is None or all(n >= at_least for n in found))
    if not good:
        count = "" if length is None else f"{length} "
        least = "" if at_least is None else f" of at least {at_least}"
        raise ValueError(f"{name} is {value!r}; it must be {count}integers{least}")
    return tuple(int(n) for n in found)


def axes(value: object, rank: int) -> tuple[int, ...]:
    """Return distinct axes, at least one, ascending, counted from the front."""
    if not isinstance(value, tuple | list) or not value:
        raise ValueError(f"axes is {value!r}; it must name at least one axis")
    found = sorted(arguments.axis(axis, rank, "axes") for axis in value)
    if len(set(found)) < len(found):
        raise ValueError(f"axes is {value!r}; an axis is named twice")
    return tuple(found)


def one_of(name: str, value: object, dtypes: tuple[type, ...]) -> npt.DTypeLike:
    """Return ``value`` as a dtype, if it is one of ``dtypes``."""
    names = [np.dtype(dtype).name for dtype in dtypes]
    try:
        dtype = np.dtype(value)  # type: ignore[call-overload]
    except TypeError:
        dtype = None
    if dtype is None or dtype.name not in names or not dtype.isnative:
        raise TypeError(f"{name} is {value!r}; it must be {' or '.join(names)}")
    found: npt.DTypeLike = dtype
    return found
