"""The architectures at sizes that run in a fraction of a second, and their inputs."""

from typing import Any

import numpy as np
import numpy.typing as npt

SMALL: dict[str, dict[str, Any]] = {
    "efficientnet_v2_b0": {"width": 0.25, "resolution": 64},
    "efficientnet_v2_s": {"width": 0.25, "resolution": 64},
    "inception_v3": {"width": 0.25, "resolution": 107},
    "deeplab_v3": {"width": 0.25, "resolution": 65},
    "sd_unet": {"width": 0.1, "resolution": 16},
    "mobilebert": {
        "width": 0.25,
        "batch": 2,
        "tokens": 24,
        "layers": 3,
        "vocabulary": 200,
    },
}


def values(
    name: str, shape: tuple[int, ...], dtype: Any, seed: int = 0
) -> npt.NDArray[Any]:
    """Return what an input may hold: smooth images, normal rows, ids, masks."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind != "f":
        highest = 200 if name == "ids" else 2
        return rng.integers(0, highest, shape).astype(dtype)
    if len(shape) != 4:
        return rng.standard_normal(shape).astype(dtype)
    n, h, w, c = shape
    y, x = np.linspace(0, 1, h)[:, None], np.linspace(0, 1, w)[None, :]
    image = np.zeros((n, h, w, c))
    for i in range(c):
        for _ in range(8):
            a, b, phase = rng.uniform(-3, 3), rng.uniform(-3, 3), rng.uniform(0, 6.28)
            image[..., i] += np.sin(2 * np.pi * (a * y + b * x) + phase)
    return (image / np.abs(image).max()).astype(dtype)
