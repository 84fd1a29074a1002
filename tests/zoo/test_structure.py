"""The architectures are the converter's: operators, order, shapes, options, MACs."""

import lzma
from pathlib import Path
from typing import Any

import pytest

from qd8 import tflite, zoo

from .records import canonical, counts, macs, parameters

MODELS = Path(__file__).parents[2].parent / "shared" / "models"

# The table of shared/models/README.md.
TABLE: dict[str, tuple[float, dict[str, int]]] = {
    "efficientnet_v2_b0": (
        0.718,
        {"CONV_2D": 75, "LOGISTIC": 71, "MUL": 71, "MEAN": 17}
        | {"DEPTHWISE_CONV_2D": 16, "ADD": 15, "FULLY_CONNECTED": 1},
    ),
    "inception_v3": (
        5.713,
        {"CONV_2D": 94, "CONCATENATION": 15, "AVERAGE_POOL_2D": 9}
        | {"MAX_POOL_2D": 4, "MEAN": 1, "FULLY_CONNECTED": 1},
    ),
    "deeplab_v3": (
        0.720,
        {"CONV_2D": 38, "DEPTHWISE_CONV_2D": 17, "ADD": 10, "RESIZE_BILINEAR": 2}
        | {"AVERAGE_POOL_2D": 1, "CONCATENATION": 1},
    ),
    "sd_unet": (
        401.6,
        {"MUL": 640, "RESHAPE": 496, "ADD": 358, "FULLY_CONNECTED": 184, "SUB": 170}
        | {"TRANSPOSE": 128, "SUM": 122, "RSQRT": 109, "CONV_2D": 98, "MEAN": 96}
        | {"BATCH_MATMUL": 64, "SQUARE": 61, "STRIDED_SLICE": 54}
        | {"SQUARED_DIFFERENCE": 48, "LOGISTIC": 47, "SOFTMAX": 32, "TANH": 16}
        | {"CONCATENATION": 12, "PAD": 3, "RESIZE_NEAREST_NEIGHBOR": 3},
    ),
}

# A file of shared/models, and what builds the same.
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "effnetv2b0_fp32": ("efficientnet_v2_b0", {}),
    "effnetv2b0_drq": ("efficientnet_v2_b0", {"weights": "int8"}),
    "inceptionv3_drq": ("inception_v3", {"weights": "int8"}),
    "deeplabv3_mnv2_257_fp32": ("deeplab_v3", {}),
    "deeplabv3_mnv2_257_drq": ("deeplab_v3", {"weights": "int8"}),
    "deeplabv3_mnv2_257_drqx": (
        "deeplab_v3",
        {"weights": "int8", "float_depthwise": True},
    ),
    "sdunet_w02_drq.structure": ("sd_unet", {"weights": "int8", "width": 0.2}),
}


def structure(name: str, **options: Any) -> tflite.File:
    """Build without drawing any weight."""
    return getattr(zoo, name)(seed=None, **options)


@pytest.mark.parametrize("name", TABLE)
def test_counts_and_macs_are_the_converter_s(name: str) -> None:
    """At full size each architecture has the operators and MACs of the table."""
    gigamacs, operators = TABLE[name]
    file = structure(name)
    assert counts(file) == operators
    assert macs(file) / 1e9 == pytest.approx(gigamacs, rel=7e-4)  # its digits


@pytest.mark.parametrize("file", FILES)
def test_graph_is_the_converter_s(file: str) -> None:
    """Each operator has the version, inputs, shapes and options of the real file."""
    path = MODELS / f"{file}.tflite"
    packed = MODELS / f"{file}.tflite.xz"
    if packed.exists():
        real = tflite.read(lzma.decompress(packed.read_bytes()))
    elif path.exists():
        real = tflite.read(path)
    else:
        pytest.skip(f"{MODELS} holds no {file}")
    name, options = FILES[file]
    assert canonical(structure(name, **options)) == canonical(real)


def test_efficientnet_s_has_the_paper_s_size() -> None:
    """S has 40 blocks: 10 fused and 30 others; 21.4 M parameters, 8.4 GMAC."""
    file = structure("efficientnet_v2_s")
    found = counts(file)
    # Stem and top; 2 blocks of one convolution, 8 of two, 30 of four and a depthwise.
    assert found["CONV_2D"] == 1 + 2 * 1 + 8 * 2 + 30 * 4 + 1
    assert found["DEPTHWISE_CONV_2D"] == 30
    # All but the first block of each stage after the first, whose inputs are as wide.
    assert found["ADD"] == 40 - 5
    assert parameters(file) == pytest.approx(21.4e6, rel=0.01)
    assert macs(file) == pytest.approx(8.4e9, rel=0.01)


def test_mobilebert_has_the_paper_s_size() -> None:
    """It has 15 layers with weights in each of 24, one before, and 25 M parameters."""
    file = structure("mobilebert", tokens=128)
    found = counts(file)
    assert found["FULLY_CONNECTED"] == 24 * 15 + 1
    assert found["BATCH_MATMUL"] == 24 * 2
    assert parameters(file) == pytest.approx(25e6, rel=0.03)
    assert macs(structure("mobilebert", tokens=128, batch=8)) == 8 * macs(file)


@pytest.mark.parametrize(("stride", "extent"), [(8, 33), (16, 17)])
def test_output_stride_trades_strides_for_dilation(stride: int, extent: int) -> None:
    """At 257 pixels features are 33 or 17 wide; the depthwise reach stays the same."""
    file = structure("deeplab_v3", output_stride=stride)
    rates = [
        o.options["dilation_h_factor"]
        for o in file.main.operators
        if o.op == "DEPTHWISE_CONV_2D"
    ]
    wanted = {16: [1] * 14 + [2] * 3, 8: [1] * 7 + [2] * 7 + [4] * 3}[stride]
    assert rates == wanted
    (pool,) = [o for o in file.main.operators if o.op == "AVERAGE_POOL_2D"]
    assert file.main.tensors[pool.inputs[0]].shape == (1, extent, extent, 320)


def test_what_has_no_meaning_is_refused() -> None:
    """Names, sizes and weights that cannot be built say what can."""
    with pytest.raises(ValueError, match="there is no 'resnet'; NAMES are eff"):
        zoo.build("resnet")
    with pytest.raises(ValueError, match=r"weights is 'int4'; .* one of \('float32'"):
        zoo.deeplab_v3(weights="int4")
    with pytest.raises(ValueError, match="output_stride is 32; it must be 8 or 16"):
        zoo.deeplab_v3(output_stride=32)
    with pytest.raises(ValueError, match=r"320 \* 0.11 channels are no multiple"):
        zoo.sd_unet(width=0.11)
    with pytest.raises(ValueError, match="resolution is 12; it must be a multiple of"):
        zoo.sd_unet(resolution=12)
    with pytest.raises(ValueError, match="a window of 3 does not fit into 2 once"):
        zoo.inception_v3(resolution=40)
