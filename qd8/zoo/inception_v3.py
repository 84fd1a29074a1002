"""Inception-v3.

Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
CVPR 2016; channels from keras/applications/inception_v3.py. Branches are appended in
the converter's order: pooling first.
"""

from qd8.tflite import File, Tensor

from .net import Net, channels


def inception_v3(
    *,
    width: float = 1.0,
    resolution: int = 299,
    seed: int | None = 0,
    weights: str = "float32",
) -> File:
    """Build Inception-v3: (1, resolution, resolution, 3) to (1, 1000) logits.

    Raises
    ------
    ValueError
        If the resolution is below 75, so that a window does not fit.
    """
    net = Inception(
        f"Inception-v3 {width:g} {resolution}",
        width,
        seed=seed,
        weights=weights,
    )
    x = net.stem(net.input("input", (1, resolution, resolution, 3)))
    for block, pooled in enumerate((32, 64, 64)):
        with net.scope(f"mixed{block}"):
            x = net.block_35(x, pooled)
    with net.scope("mixed3"):
        x = net.reduction_35(x)
    for block, inner in enumerate((128, 160, 160, 192), 4):
        with net.scope(f"mixed{block}"):
            x = net.block_17(x, inner)
    with net.scope("mixed8"):
        x = net.reduction_17(x)
    for block in (9, 10):
        with net.scope(f"mixed{block}"):
            x = net.block_8(x)
    x = net.mean(x, (1, 2), keep_dims=False)
    return net.finish({"logits": net.dense(x, 1000)})


class Inception(Net):
    """The blocks, named by the extent of their images at resolution 299."""

    def __init__(
        self, description: str, width: float, *, seed: int | None, weights: str
    ) -> None:
        super().__init__(description, seed=seed, weights=weights)
        self.width = width

    def unit(
        self,
        x: Tensor,
        outputs: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: str = "SAME",
    ) -> Tensor:
        """Append a convolution with ReLU, its batch normalization folded."""
        number = channels(outputs, self.width)
        return self.conv(
            x, number, kernel, stride=stride, padding=padding, activation="RELU"
        )

    def pooled(self, x: Tensor, outputs: int) -> Tensor:
        """Append the branch that averages 3x3 pixels."""
        x = self.average_pool(x, 3, stride=1, padding="SAME")
        return self.unit(x, outputs)

    def stem(self, x: Tensor) -> Tensor:
        """Append what leads from 299 to 35."""
        with self.scope("stem"):
            x = self.unit(x, 32, 3, 2, "VALID")
            x = self.unit(x, 32, 3, padding="VALID")
            x = self.unit(x, 64, 3)
            x = self.max_pool(x, 3, 2)
            x = self.unit(x, 80, padding="VALID")
            x = self.unit(x, 192, 3, padding="VALID")
            return self.max_pool(x, 3, 2)

    def block_35(self, x: Tensor, pooled: int) -> Tensor:
        """Append a block with 5x5 and two 3x3 convolutions."""
        pool = self.pooled(x, pooled)
        one = self.unit(x, 64)
        five = self.unit(self.unit(x, 48), 64, 5)
        three = self.unit(self.unit(self.unit(x, 64), 96, 3), 96, 3)
        return self.concatenate((one, five, three, pool))

    def reduction_35(self, x: Tensor) -> Tensor:
        """Append what leads from 35 to 17."""
        three = self.unit(x, 384, 3, 2, "VALID")
        double = self.unit(self.unit(x, 64), 96, 3)
        double = self.unit(double, 96, 3, 2, "VALID")
        return self.concatenate((three, double, self.max_pool(x, 3, 2)))

    def block_17(self, x: Tensor, inner: int) -> Tensor:
        """Append a block with 7x7 convolutions, split into 1x7 and 7x1."""
        pool = self.pooled(x, 192)
        one = self.unit(x, 192)
        seven = self.unit(self.unit(x, inner), inner, (1, 7))
        seven = self.unit(seven, 192, (7, 1))
        double = self.unit(self.unit(x, inner), inner, (7, 1))
        double = self.unit(self.unit(double, inner, (1, 7)), inner, (7, 1))
        double = self.unit(double, 192, (1, 7))
        return self.concatenate((one, seven, double, pool))

    def reduction_17(self, x: Tensor) -> Tensor:
        """Append what leads from 17 to 8."""
        three = self.unit(self.unit(x, 192), 320, 3, 2, "VALID")
        seven = self.unit(self.unit(x, 192), 192, (1, 7))
        seven = self.unit(seven, 192, (7, 1))
        seven = self.unit(seven, 192, 3, 2, "VALID")
        return self.concatenate((three, seven, self.max_pool(x, 3, 2)))

    def block_8(self, x: Tensor) -> Tensor:
        """Append a block whose 3x3 convolutions end in 1x3 and 3x1 side by side."""
        pool = self.pooled(x, 192)
        one = self.unit(x, 320)
        three = self._forked(self.unit(x, 384))
        double = self._forked(self.unit(self.unit(x, 448), 384, 3))
        return self.concatenate((one, three, double, pool))

    def _forked(self, x: Tensor) -> Tensor:
        across, down = self.unit(x, 384, (1, 3)), self.unit(x, 384, (3, 1))
        return self.concatenate((across, down))
