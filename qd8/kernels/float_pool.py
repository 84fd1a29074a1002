"""MAX_POOL_2D and AVERAGE_POOL_2D over the taps inside the image (R23)."""

from qd8.kernels import launch
from qd8.kernels.float_arguments import Float
from qd8.kernels.float_window import bind_window
from qd8.kernels.float_window_bands import Window
from qd8.kernels.float_window_operators import AVERAGE, MAXIMUM
from qd8.kernels.windows import Pair, Sides


def bind_max_pool_2d(
    x: Float,
    out: Float,
    *,
    window: Pair,
    stride: Pair,
    padding: Sides,
    activation: str,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C) the maxima (R3) of ``x`` (N, H, W, C)."""
    geometry = Window(window, stride, padding)
    return bind_window(
        MAXIMUM, x, None, None, out, geometry, activation=activation, threads=threads
    )


def bind_average_pool_2d(
    x: Float,
    out: Float,
    *,
    window: Pair,
    stride: Pair,
    padding: Sides,
    activation: str,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` (N, OH, OW, C) the means of ``x`` (N, H, W, C)."""
    geometry = Window(window, stride, padding)
    return bind_window(
        AVERAGE, x, None, None, out, geometry, activation=activation, threads=threads
    )
