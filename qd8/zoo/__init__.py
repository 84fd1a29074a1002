"""The benchmark architectures, built in code: any width, seeded weights.

So benchmarks and notebooks need no download. Each function returns the records of a
file; `build` returns its bytes, which `qd8.load` and LiteRT load:

    model = qd8.load(qd8.zoo.build("efficientnet_v2_b0", width=0.5, weights="int8"))

With ``full_integer`` the activations are int8 too (`full_integer.py`): LiteRT and
OpenVINO run such files, `qd8.inspect` shows them.

The operators are those that TensorFlow's converter writes for the same architecture,
in its order. The weights carry no knowledge, but keep activations at a magnitude of
about 1 and differ from channel to channel as trained ones do.
"""

import os
from collections.abc import Callable
from typing import Any

from qd8 import tflite

from .deeplab_v3 import deeplab_v3
from .efficientnet_v2 import efficientnet_v2_b0, efficientnet_v2_s
from .inception_v3 import inception_v3
from .mobilebert import mobilebert
from .unet import sd_unet

_ARCHITECTURES: dict[str, Callable[..., tflite.File]] = {
    "efficientnet_v2_b0": efficientnet_v2_b0,
    "efficientnet_v2_s": efficientnet_v2_s,
    "inception_v3": inception_v3,
    "deeplab_v3": deeplab_v3,
    "sd_unet": sd_unet,
    "mobilebert": mobilebert,
}
#: What `build` takes.
NAMES = tuple(_ARCHITECTURES)

__all__ = [
    "NAMES",
    "build",
    "deeplab_v3",
    "efficientnet_v2_b0",
    "efficientnet_v2_s",
    "inception_v3",
    "mobilebert",
    "sd_unet",
    "write",
]


def build(name: str, *, full_integer: bool = False, **options: Any) -> bytes:
    """Return a `.tflite` file.

    Parameters
    ----------
    name : one of `NAMES`
    full_integer : bool
        int8 from the input to the output, calibrated on smooth images. The
        EfficientNets, Inception and DeepLab can be; ``weights`` must be left out.
    options : those of the function of that name

    Raises
    ------
    ValueError
        If there is no such architecture, or an option has no meaning.
    NotImplementedError
        If the architecture has operators without an integer form here.
    """
    return tflite.serialize(_records(name, full_integer, options))


def write(
    name: str,
    path: str | os.PathLike[str],
    *,
    full_integer: bool = False,
    **options: Any,
) -> None:
    """Write a `.tflite` file without holding its bytes twice; as `build` otherwise."""
    tflite.write(_records(name, full_integer, options), path)


def _records(name: str, full_integer: bool, options: dict[str, Any]) -> tflite.File:
    if name not in _ARCHITECTURES:
        raise ValueError(f"there is no {name!r}; NAMES are {', '.join(NAMES)}")
    file = _ARCHITECTURES[name](**options)
    if not full_integer:
        return file
    from .calibration import smooth_samples
    from .full_integer import quantize

    return quantize(file, smooth_samples(file))
