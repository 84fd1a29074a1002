"""Fields that many options tables share, decoded and checked."""

from typing import Any

from .operator import Given

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


def activation(given: Given) -> str:
    """Decode fused_activation_function."""
    found = given.options.get("fused_activation_function", "NONE")
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
