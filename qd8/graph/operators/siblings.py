"""Fully connected layers on the same rows; no file holds it, the pass of that name
makes it."""

from collections.abc import Sequence
from typing import Any

from .operator import Operator, X, defined_by_parts, same_shape


def of_parts(layers: Sequence[Any]) -> Any:
    """Return the layer made of a `Conv2D` over pixels or a `FullyConnected` each."""
    from qd8.conv2d import Conv2D
    from qd8.siblings import Siblings

    pixels: list[Any] = [x.pixels if isinstance(x, Conv2D) else x for x in layers]
    return Siblings(pixels)


SIBLINGS = Operator(
    name="SIBLINGS",
    inputs=(X,),
    variadic=True,
    several=True,
    reference=defined_by_parts,
    shape=same_shape,
    of_parts=of_parts,
)
