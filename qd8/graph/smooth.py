"""Smooth noise: an input that no file has to bring, and that a network can bear.

White noise of a photograph's range drives the activations of an image network far
beyond those of photographs, so ranges, and with them rare branches, would be others.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

WAVES = 8
PERIODS = 3.0  # at most so many across an image


def smooth_noise(
    shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32, seed: int = 0
) -> npt.NDArray[Any]:
    """Return low-frequency noise in [-1, 1]: waves in two dimensions, per channel.

    Parameters
    ----------
    shape : (N, H, W, C) for images, smooth along H and W; otherwise along the last
        two axes
    dtype : of integers and booleans the signs are returned, 0 and 1: small enough to
        be an index of anything

    Returns
    -------
    array of that shape and dtype; its largest magnitude is 1
    """
    rng = np.random.default_rng(seed)
    if len(shape) == 4:
        *_, rows, columns, _ = shape
        others = shape[0] * shape[3]
    else:
        *outer, rows, columns = (1, 1, *shape)
        others = int(np.prod(outer))
    y, x = np.linspace(0, 1, rows)[:, None], np.linspace(0, 1, columns)
    across, down = rng.uniform(-PERIODS, PERIODS, (2, WAVES, 1, 1))
    angles = 2 * np.pi * (across * y + down * x)
    phases = rng.uniform(0, 2 * np.pi, (WAVES, others))
    noise = np.tensordot(np.cos(phases), np.cos(angles), (0, 0))
    noise -= np.tensordot(np.sin(phases), np.sin(angles), (0, 0))
    if len(shape) == 4:
        noise = noise.reshape(shape[0], shape[3], rows, columns)
        noise = noise.transpose(0, 2, 3, 1)
    noise = noise.reshape(shape) / max(np.abs(noise).max(initial=0.0), 1e-9)
    if np.dtype(dtype).kind != "f":
        noise = noise > 0
    return np.array(noise, dtype, order="C")
