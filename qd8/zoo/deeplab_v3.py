"""DeepLab-v3 on MobileNetV2, with the image-pooling branch and 1x1 convolutions.

Source: Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation",
arXiv 1706.05587; Sandler et al., "MobileNetV2", CVPR 2018, table 2; dilation as in
tensorflow/models research/slim/nets/mobilenet/mobilenet.py, mobilenet_base.
"""

from qd8.tflite import File, Tensor

from .net import Net, channels

# (expansion, outputs, repeats, stride)
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
CLASSES = 21  # of Pascal VOC


def deeplab_v3(
    *,
    width: float = 1.0,
    resolution: int = 257,
    output_stride: int = 16,
    seed: int | None = 0,
    weights: str = "float32",
    float_depthwise: bool = False,
) -> File:
    """Build DeepLab-v3: (1, resolution, resolution, 3) to logits of 21 classes.

    Parameters
    ----------
    output_stride : 8 or 16
        Of the features: once it is reached, strides become dilation.
    """
    if output_stride not in (8, 16):
        raise ValueError(f"output_stride is {output_stride!r}; it must be 8 or 16")
    net = Net(
        f"DeepLab-v3 MobileNetV2 {width:g} {resolution}/{output_stride}",
        seed=seed,
        weights=weights,
        float_depthwise=float_depthwise,
    )
    image = net.input("input", (1, resolution, resolution, 3))
    x = net.conv(image, channels(32, width), 3, stride=2, activation="RELU6")
    reached, rate = 2, 1
    for number, (expansion, outputs, repeats, stride) in enumerate(STAGES):
        for repeat in range(repeats):
            now = stride if repeat == 0 else 1
            with net.scope(f"stage{number}_{repeat}"):
                depth = channels(outputs, width)
                if reached == output_stride:
                    x = _inverted(net, x, depth, expansion, 1, rate)
                    rate *= now
                else:
                    x = _inverted(net, x, depth, expansion, now, 1)
                    reached *= now
    return net.finish({"logits": _head(net, x, resolution, width)})


def _inverted(
    net: Net, x: Tensor, outputs: int, expansion: int, stride: int, rate: int
) -> Tensor:
    """Append an inverted bottleneck."""
    block, inputs = x, x.shape[3]
    if expansion > 1:
        x = net.conv(x, inputs * expansion, activation="RELU6")
    x = net.depthwise(x, stride=stride, dilation=rate, activation="RELU6")
    x = net.conv(x, outputs)
    if stride == 1 and inputs == outputs:
        x = net.add(block, x)
    return x


def _head(net: Net, x: Tensor, resolution: int, width: float) -> Tensor:
    """Append the pooled and the plain branch, the classifier, and the enlargement."""
    depth = channels(256, width)
    size = (x.shape[1], x.shape[2])

    def unit(x: Tensor) -> Tensor:
        return net.conv(x, depth, padding="VALID", activation="RELU")

    def enlarged(x: Tensor, size: tuple[int, int]) -> Tensor:
        return net.resize("RESIZE_BILINEAR", x, size, align_corners=True)

    with net.scope("head"):
        pooled = net.average_pool(x, size, stride=size[0], padding="VALID")
        pooled = enlarged(unit(pooled), size)
        x = unit(net.concatenate((pooled, unit(x))))
        x = net.conv(x, CLASSES, padding="VALID")
        return enlarged(x, (resolution, resolution))
