"""The geometry of a transposed convolution: that of the convolution it transposes."""

from collections.abc import Sequence

from . import arguments, tensors
from .types import Geometry, Pair
from .window import output_size, resolve_padding


def transposed_geometry(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    output_shape: Sequence[int],
    stride: Pair,
    padding: str,
) -> tuple[tuple[int, ...], Geometry, tuple[Pair, Pair]]:
    """Return the output's shape and the (geometry, padding) of the convolution (R40).

    Parameters
    ----------
    x, weight : shapes (N, H, W, I) and (O, KH, KW, I)

    Raises
    ------
    ValueError
        If a convolution of an image of ``output_shape`` would not give H by W.
    """
    if weight[3] != x[3]:
        raise ValueError(f"weight is {weight} (O, KH, KW, I) but x is {x}")
    if padding not in ("SAME", "VALID"):
        raise ValueError(f"padding is {padding!r}; it must be 'SAME' or 'VALID'")
    shape = tensors.integers("output_shape", output_shape, 4, at_least=0)
    if (shape[0], shape[3]) != (x[0], weight[0]) or 0 in shape[1:3]:
        raise ValueError(
            f"output_shape is {shape}; it must be ({x[0]}, OH, OW, {weight[0]})"
        )
    geometry = (
        (shape[1], shape[2]),
        (weight[1], weight[2]),
        arguments.pair("stride", stride),
        (1, 1),
    )
    sides = resolve_padding(padding, *geometry)
    size = output_size(*geometry, sides)
    if size != tuple(x[1:3]):
        raise ValueError(
            f"x is {x}; a convolution of {shape} with a {weight[1:3]} kernel, "
            f"stride {geometry[2]} and {padding} padding gives {size}"
        )
    return shape, geometry, sides
