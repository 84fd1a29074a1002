"""EfficientNetV2-B0 and S.

Source: Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021;
channels and repeats from keras/applications/efficientnet_v2.py.
"""

from typing import NamedTuple

from qd8.tflite import File, Tensor

from .net import Net, channels

# Swish and gates answer to twice the input with more than twice the output, over and
# over: with biases of 0.1 the logits of S (width 0.25, resolution 64) for six smooth
# images have root mean squares from 230 to 1900, with 0.4 from 1.1 to 1.3. More would
# make all images alike.
BIAS = 0.4


class Stage(NamedTuple):
    """Blocks of one kind; only the first has the stride.

    fused : a full 3x3 convolution instead of 1x1 and depthwise
    squeeze : hidden channels of squeeze-and-excite as a share of the block's inputs
    """

    fused: bool
    repeats: int
    outputs: int
    expansion: int
    stride: int
    squeeze: float = 0.0


B0 = (
    Stage(True, 1, 16, 1, 1),
    Stage(True, 2, 32, 4, 2),
    Stage(True, 2, 48, 4, 2),
    Stage(False, 3, 96, 4, 2, 0.25),
    Stage(False, 5, 112, 6, 1, 0.25),
    Stage(False, 8, 192, 6, 2, 0.25),
)
S = (
    Stage(True, 2, 24, 1, 1),
    Stage(True, 4, 48, 4, 2),
    Stage(True, 4, 64, 4, 2),
    Stage(False, 6, 128, 4, 2, 0.25),
    Stage(False, 9, 160, 6, 1, 0.25),
    Stage(False, 15, 256, 6, 2, 0.25),
)


def efficientnet_v2_b0(
    *,
    width: float = 1.0,
    resolution: int = 224,
    seed: int | None = 0,
    weights: str = "float32",
    float_depthwise: bool = False,
) -> File:
    """Build EfficientNetV2-B0: (1, resolution, resolution, 3) to (1, 1000) logits."""
    net = Net(
        f"EfficientNetV2-B0 {width:g} {resolution}",
        seed=seed,
        weights=weights,
        float_depthwise=float_depthwise,
        bias=BIAS,
    )
    return _build(net, B0, 32, width, resolution)


def efficientnet_v2_s(
    *,
    width: float = 1.0,
    resolution: int = 384,
    seed: int | None = 0,
    weights: str = "float32",
    float_depthwise: bool = False,
) -> File:
    """Build EfficientNetV2-S: (1, resolution, resolution, 3) to (1, 1000) logits."""
    net = Net(
        f"EfficientNetV2-S {width:g} {resolution}",
        seed=seed,
        weights=weights,
        float_depthwise=float_depthwise,
        bias=BIAS,
    )
    return _build(net, S, 24, width, resolution)


def _build(
    net: Net, stages: tuple[Stage, ...], stem: int, width: float, resolution: int
) -> File:
    x = net.input("input", (1, resolution, resolution, 3))
    with net.scope("stem"):
        x = net.swish(net.conv(x, channels(stem, width), 3, stride=2))
    for number, stage in enumerate(stages, 1):
        for repeat in range(stage.repeats):
            with net.scope(f"block{number}{chr(ord('a') + repeat)}"):
                stride = stage.stride if repeat == 0 else 1
                x = _block(net, x, stage, channels(stage.outputs, width), stride)
    with net.scope("top"):
        x = net.swish(net.conv(x, channels(1280, width)))
        x = net.mean(x, (1, 2), keep_dims=False)
    return net.finish({"logits": net.dense(x, 1000)})


def _block(net: Net, x: Tensor, stage: Stage, outputs: int, stride: int) -> Tensor:
    """Append a (fused) inverted bottleneck."""
    block, inputs = x, x.shape[3]
    if stage.fused and stage.expansion == 1:
        x = net.swish(net.conv(x, outputs, 3, stride=stride))
    elif stage.fused:
        x = net.swish(net.conv(x, inputs * stage.expansion, 3, stride=stride))
        x = net.conv(x, outputs)
    else:
        x = net.swish(net.conv(x, inputs * stage.expansion))
        x = net.swish(net.depthwise(x, stride=stride))
        x = _squeeze_and_excite(net, x, max(1, int(inputs * stage.squeeze)))
        x = net.conv(x, outputs)
    if stride == 1 and inputs == outputs:
        x = net.add(x, block)
    return x


def _squeeze_and_excite(net: Net, x: Tensor, hidden: int) -> Tensor:
    gate = net.mean(x, (1, 2), keep_dims=True)
    gate = net.swish(net.conv(gate, hidden))
    gate = net.logistic(net.conv(gate, x.shape[3]))
    return net.mul(x, gate)
