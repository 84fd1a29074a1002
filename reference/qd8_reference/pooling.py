"""What MAX_POOL_2D and AVERAGE_POOL_2D accept."""

from . import arguments
from .types import Float, Geometry, Padding, Pair
from .window import resolve_padding


def pool_geometry(
    x: Float, window: Pair, stride: Pair, padding: Padding
) -> tuple[Geometry, tuple[Pair, Pair]]:
    """Return (size, window, stride, dilation) and the resolved padding.

    Raises
    ------
    TypeError, ValueError
        For what an operator of pooling does not accept; also if a window could lie
        in the padding altogether, because nothing has neither maximum nor average.
    """
    x = arguments.images("x", x)
    window = arguments.pair("window", window)
    stride = arguments.pair("stride", stride)
    height, width = x.shape[1:3]
    geometry = (height, width), window, stride, (1, 1)
    sides = resolve_padding(padding, *geometry)
    for extent, amounts in zip(window, sides, strict=True):
        if max(amounts) >= extent:
            raise ValueError(
                f"padding is {sides}; each side must be less than the window {window}"
            )
    return geometry, sides
