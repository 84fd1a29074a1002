"""One budget of bytes for what a model packs beside the panels, dealt by gain.

Winograd's weights take eight times the bytes of the int8 weights that they are made
of. They go to the layers that save most time for each byte, by the schedule's estimate.
No choice changes a bit.
"""

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from qd8.conv2d import Conv2D
from qd8.conv2d_images import ImageConvolution

# Times the bytes of the panels. Inception-v3 on avx2 wishes for 2.9 times: 51.8 ms, as
# with once the bytes; without any 65.1 ms (one thread of a Sapphire Rapids).
TIMES_PANELS = 2


class Budget:
    """What is left for second packings, for all plans of one file.

    granted : convolutions that may, by identity
    """

    def __init__(self) -> None:
        self.granted: dict[int, ImageConvolution] = {}
        self.spent = 0

    def deal(self, bound: Iterable[tuple[Any, npt.NDArray[Any]]], threads: int) -> None:
        """Grant or deny what layers wish for these inputs.

        bound : layers and what they read, all of a plan; what is not a `Conv2D`
            counts with its panels alone
        """
        layers = list(bound)
        total = TIMES_PANELS * sum(_panels(layer) for layer, _ in layers)
        wishes = []
        for layer, x in layers:
            images = layer.images if isinstance(layer, Conv2D) else None
            if images is None or id(images) in self.granted:
                continue
            if (wish := images.wish(x, threads)) is not None:
                wishes.append((wish, images))
        wishes.sort(key=lambda each: -each[0].saved / each[0].nbytes)
        for wish, images in wishes:
            if self.spent + wish.nbytes <= total:
                self.spent += wish.nbytes
                self.granted[id(images)] = images
            else:
                images.deny()


def _panels(layer: Any) -> int:
    """Return the bytes of a layer's panels, those of its parts together."""
    parts = getattr(layer, "layers", (layer,))
    packed = (getattr(part, "packed", None) for part in parts)
    return sum(int(each.panels.nbytes) for each in packed if each is not None)
