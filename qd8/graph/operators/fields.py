"""Fields that many options tables share, decoded and checked."""

from typing import Any

from .operator import INTEGERS, Given

# TFLite's ActivationFunctionType to the reference's keyword.
ACTIVATIONS = {
    "NONE": "none",
    "RELU": "relu",
    "RELU_N1_TO_1": "relu_n1_to_1",
    "RELU6": "relu6",
}
# Larger windows, strides and dilations appear only in damaged files; kernels
# multiply them in 64 bits.
LARGEST = 2**20


def activation(given: Given, of: str | None = None) -> str:
    """Decode fused_activation_function; integers (``of`` a type) have none."""
    found = given.options.get("fused_activation_function", "NONE")
    if of in INTEGERS and found != "NONE":
        raise ValueError(f"its fused activation is {found}; {of} has none")
    if found not in ACTIVATIONS:
        raise ValueError(
            f"its fused activation is {found}; supported are {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[found]


def padding(given: Given) -> str:
    """Decode padding: "SAME" or "VALID"."""
    found = given.options.get("padding", "SAME")
    if found not in ("SAME", "VALID"):
        raise ValueError(f"its padding is {found}, neither SAME nor VALID")
    return str(found)


def pair(given: Given, vertical: str, horizontal: str, default: int) -> tuple[int, int]:
    """Decode two positive numbers, such as the strides."""
    found = tuple(
        int(given.options.get(name, default)) for name in (vertical, horizontal)
    )
    if not all(1 <= n <= LARGEST for n in found):
        raise ValueError(
            f"its {vertical} and {horizontal} are {found[0]} and {found[1]}; "
            f"1 to {LARGEST} is needed"
        )
    return found[0], found[1]


def integers(given: Given, name: str) -> tuple[int, ...] | None:
    """Decode a constant input of integers, row by row; None if absent."""
    value: Any = given.constants[name]
    return None if value is None else tuple(value.reshape(-1).tolist())


def axis(value: Any, rank: int, name: str = "axis") -> int:
    """Return an axis counted from the front."""
    found = int(value)
    if not -rank <= found < rank:
        raise ValueError(f"its {name} is {found} but its input has rank {rank}")
    return found % rank


def needed(given: Given, name: str) -> tuple[int, ...]:
    """Decode a constant input of integers that must be there."""
    found = integers(given, name)
    assert found is not None  # the builder refuses an absent input
    return found


def one(given: Given, name: str) -> int:
    """Decode a constant input of one integer."""
    found = needed(given, name)
    if len(found) != 1:
        raise ValueError(f"its {name} is {found}; one number is needed")
    return found[0]


def pairs(given: Given, name: str, count: int) -> tuple[tuple[int, int], ...]:
    """Decode a constant input of ``count`` pairs, none negative."""
    flat = needed(given, name)
    if len(flat) != 2 * count or any(not 0 <= n <= LARGEST for n in flat):
        raise ValueError(
            f"its {name} are {flat}; {count} pairs of numbers from 0 to {LARGEST} "
            "are needed"
        )
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def extents(values: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return a shape that an input says, or refuse it."""
    if any(not 0 <= n < 2**31 for n in values):
        raise ValueError(f"its {name} is {values}, which is no shape")
    return values
