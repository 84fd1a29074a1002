"""C3: bad input is refused before compiled code runs, naming what was given and needed.

The reference refuses the same things, so each case is put to both where both exist.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import qd8_reference

import qd8

WEIGHT = np.ones((4, 6), np.int8)
SCALE = np.full(4, 0.5, np.float32)
BIAS = np.zeros(4, np.float32)
X = np.ones((2, 6), np.float32)
KERNEL = np.ones((4, 3, 3, 2), np.int8)
IMAGES = np.ones((1, 5, 7, 2), np.float32)

Case = tuple[dict[str, Any], type[Exception], str]


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    """Return a copy whose second element is ``value``."""
    changed = array.copy()
    changed.flat[1] = value
    return changed


# Changed arguments, exception, and words that its message must hold, in order.
SHARED: dict[str, Case] = {
    "weight float32": (
        {"weight": np.float32},
        TypeError,
        "weight is float32.*int8",
    ),
    "weight uint8": ({"weight": np.uint8}, TypeError, "weight is uint8.*int8"),
    "weight is a list": ({"weight": [[1, 2]]}, TypeError, "weight is a list"),
    "scale float64": (
        {"weight_scale": SCALE.astype(np.float64)},
        TypeError,
        r"weight_scale is float64.*float32.*weight_scale\.astype\(np\.float32\)",
    ),
    "scale of another length": (
        {"weight_scale": SCALE[:3]},
        ValueError,
        r"weight_scale has shape \(3,\).*\(4,\).*\(1,\).*\(\)",
    ),
    "scale of two dimensions": (
        {"weight_scale": SCALE[:, None]},
        ValueError,
        r"weight_scale has shape \(4, 1\).*\(4,\)",
    ),
    **{
        f"scale {value}": (
            {"weight_scale": with_value(SCALE, value)},
            ValueError,
            r"weight_scale.*positive, normal.*finite",
        )
        for value in (0.0, -0.5, np.nan, np.inf, 2.0**-127)
    },
    "bias of another length": (
        {"bias": BIAS[:3]},
        ValueError,
        r"bias has shape \(3,\).*\(4,\)",
    ),
    "bias float64": (
        {"bias": BIAS.astype(np.float64)},
        TypeError,
        "bias is float64.*float32",
    ),
    **{
        f"bias {value}": (
            {"bias": with_value(BIAS, value)},
            ValueError,
            f"bias.*{value}.*finite",
        )
        for value in (np.nan, np.inf, -np.inf)
    },
    "unknown activation": (
        {"activation": "gelu"},
        ValueError,
        "activation is 'gelu'.*none.*relu.*relu6.*relu_n1_to_1",
    ),
    "x float64": (
        {"x": np.float64},
        TypeError,
        r"x is float64.*float32.*float16.*x\.astype\(np\.float32\)",
    ),
    "x int32": ({"x": np.int32}, TypeError, "x is int32.*float32"),
    "x int8": ({"x": np.int8}, TypeError, "x is int8.*float32"),
    "x complex": ({"x": np.complex64}, TypeError, "x is complex64.*float32"),
    "x of strings": ({"x": "U1"}, TypeError, "x is <U1.*float32"),
    "x is a list": ({"x": [[1.0, 2.0]]}, TypeError, "x is a list.*numpy array"),
    "x byte-swapped": (
        {"x": ">f4"},
        TypeError,
        r"x is >f4.*native.*x\.astype\(np\.float32\)",
    ),
    "x without dimensions": (
        {"x": np.float32(1)},
        ValueError,
        "x has (no dimensions|shape)",
    ),
}
FULLY_CONNECTED: dict[str, Case] = {
    "wrong K": ({"x": X[:, :5]}, ValueError, r"weight is \(4, 6\)|x has 5 .*\(4, 6\)"),
    "weight of rank 3": (
        {"weight": WEIGHT[None]},
        ValueError,
        r"weight has shape \(1, 4, 6\)",
    ),
    "no output channels": (
        {"weight": WEIGHT[:0], "weight_scale": np.float32(1), "bias": None},
        ValueError,
        r"weight has shape \(0, 6\).*1",
    ),
    "no input channels": (
        {"weight": WEIGHT[:, :0], "x": X[:, :0]},
        ValueError,
        r"weight has shape \(4, 0\)|x has shape \(2, 0\)",
    ),
}
CONV: dict[str, Case] = {
    "x of rank 3": ({"x": IMAGES[0]}, ValueError, r"x has shape \(5, 7, 2\).*N, H, W"),
    "x of rank 5": ({"x": IMAGES[None]}, ValueError, r"x has shape \(1, 1, 5, 7, 2\)"),
    "weight of rank 2": ({"weight": WEIGHT}, ValueError, r"weight has shape \(4, 6\)"),
    "wrong channels": (
        {"x": np.ones((1, 5, 7, 3), np.float32)},
        ValueError,
        r"x has 3 channels.*needs 2|must have 2 channels; it has 3",
    ),
    "empty image": (
        {"x": IMAGES[:, :0]},
        ValueError,
        r"x has shape \(1, 0, 7, 2\).*1",
    ),
    "empty kernel": (
        {"weight": KERNEL[:, :0]},
        ValueError,
        r"weight has shape \(4, 0, 3, 2\).*1",
    ),
    "stride 0": ({"stride": (0, 1)}, ValueError, r"stride is \(0, 1\).*1"),
    "stride -1": ({"stride": (1, -1)}, ValueError, r"stride is \(1, -1\).*1"),
    "stride of three": ({"stride": (1, 1, 1)}, ValueError, r"stride is \(1, 1, 1\)"),
    "stride a float": ({"stride": (1.0, 1)}, ValueError, r"stride is \(1\.0, 1\).*int"),
    "dilation 0": ({"dilation": (1, 0)}, ValueError, r"dilation is \(1, 0\).*1"),
    "unknown padding": (
        {"padding": "same"},
        ValueError,
        r"padding is 'same'.*'SAME'.*'VALID'.*top, bottom",
    ),
    "negative padding": (
        {"padding": ((0, -1), (0, 0))},
        ValueError,
        r"padding is \(\(0, -1\), \(0, 0\)\)",
    ),
    "padding of one pair": ({"padding": (1, 1)}, ValueError, r"padding is \(1, 1\)"),
    "kernel larger than the image": (
        {"padding": "VALID", "dilation": (3, 1)},
        ValueError,
        r"dilation \(3, 1\)",
    ),
    "groups 0": ({"groups": 0}, ValueError, "groups is 0"),
    "groups that do not divide": (
        {"groups": 3, "x": np.ones((1, 5, 7, 6), np.float32)},
        ValueError,
        "4 output",
    ),
    "unknown f16_scale": (
        {"f16_scale": "half"},
        ValueError,
        "f16_scale is 'half'.*'exact'.*'xnnpack'",
    ),
    "f16_scale without float16": (
        {"f16_scale": "xnnpack"},
        ValueError,
        "f16_scale='xnnpack'.*float16.*float32",
    ),
}


def refuses(
    operator: Callable[[dict[str, Any]], Any],
    given: dict[str, Any],
    case: Case,
) -> None:
    """Assert that an operator on ``given``, changed as the case says, refuses it."""
    changes, exception, message = case
    for name, value in changes.items():
        # A dtype stands for the argument that was given, cast to it.
        is_dtype = isinstance(value, str) and name in ("x", "weight")
        if isinstance(value, type) or is_dtype:
            value = given[name].astype(value)
        given = {**given, name: value}
    with pytest.raises(exception, match=f"(?s){message}"):
        operator(given)


def call(layer: type) -> Callable[[dict[str, Any]], Any]:
    """Return a function that builds a layer and calls it on x."""
    return lambda given: layer(**{k: v for k, v in given.items() if k != "x"})(
        given["x"]
    )


def fully_connected_case() -> dict[str, Any]:
    """Return arguments that are in order."""
    return {"x": X, "weight": WEIGHT, "weight_scale": SCALE, "bias": BIAS}


def conv_case() -> dict[str, Any]:
    """Return arguments that are in order."""
    return {"x": IMAGES, "weight": KERNEL, "weight_scale": SCALE, "bias": BIAS}


def test_the_unchanged_arguments_are_accepted() -> None:
    """Every refusal below is for the change it makes, not for something else."""
    for given, layer, reference in (
        (fully_connected_case(), qd8.FullyConnected, qd8_reference.fully_connected),
        (conv_case(), qd8.Conv2D, qd8_reference.conv2d),
    ):
        assert call(layer)(given).shape == reference(**given).shape


@pytest.mark.parametrize("name", [*SHARED, *FULLY_CONNECTED])
def test_fully_connected_refuses(name: str) -> None:
    """Both the layer and the definition refuse, in the same words where it counts."""
    case = (SHARED | FULLY_CONNECTED)[name]
    refuses(call(qd8.FullyConnected), fully_connected_case(), case)
    given = fully_connected_case()
    refuses(lambda given: qd8_reference.fully_connected(**given), given, case)


@pytest.mark.parametrize("name", [*SHARED, *CONV])
def test_conv2d_refuses(name: str) -> None:
    """Both the layer and the definition refuse, in the same words where it counts."""
    case = (SHARED | CONV)[name]
    refuses(call(qd8.Conv2D), conv_case(), case)
    refuses(lambda given: qd8_reference.conv2d(**given), conv_case(), case)


@pytest.mark.parametrize("make", [fully_connected_case, conv_case])
@pytest.mark.parametrize(
    ("change", "exception", "message"),
    [
        (lambda y: y.astype(np.float16), ValueError, "out is float16.*float32"),
        (lambda y: y[..., :-1].copy(), ValueError, "out is float32 of shape.*shape"),
        (lambda y: y[None], ValueError, "out is float32 of shape.*shape"),
        (lambda y: np.asfortranarray(y), ValueError, "out must be C-contiguous"),
        (lambda y: np.repeat(y, 2, -1)[..., ::2], ValueError, "out must be C-contig"),
        (lambda y: y.tolist(), TypeError, "out is a list"),
    ],
)
def test_out_is_refused(make, change, exception, message) -> None:
    """An ``out`` that cannot take the result is refused and not written."""
    given = make()
    x = given.pop("x")
    layer = (qd8.FullyConnected if x.ndim == 2 else qd8.Conv2D)(**given)
    out = change(np.full_like(layer(x), 7))
    with pytest.raises(exception, match=message):
        layer(x, out)
    assert (np.asarray(out) == 7).all()


def test_out_may_be_neither_frozen_nor_the_input() -> None:
    """A read-only array cannot be written, and x is still read while y is written."""
    square = qd8.FullyConnected(np.ones((6, 6), np.int8), np.float32(1))
    frozen = np.zeros((2, 6), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out must be C-contiguous and writeable"):
        square(X, frozen)
    x = X.copy()
    with pytest.raises(ValueError, match="out shares memory with x"):
        square(x, x)


def test_layouts_that_look_wrong_are_named() -> None:
    """NCHW input and OIHW weights are recognized, and the transposition spelled out."""
    layer = qd8.Conv2D(KERNEL, SCALE)
    with pytest.raises(ValueError, match=r"NCHW.*x\.transpose\(0, 2, 3, 1\)"):
        layer(np.ones((1, 2, 5, 7), np.float32))
    oihw = qd8.Conv2D(np.ones((4, 16, 3, 3), np.int8), SCALE)
    with pytest.raises(ValueError, match=r"OIHW.*weight\.transpose\(0, 2, 3, 1\)"):
        oihw(np.ones((1, 5, 7, 16), np.float32))


@pytest.mark.parametrize("module", [qd8, qd8_reference], ids=lambda m: m.__name__)
@pytest.mark.parametrize(
    ("name", "argument", "exception", "message"),
    [
        ("quantize_rows", X.astype(np.float64), TypeError, r"float64.*astype\(np\.fl"),
        ("quantize_rows", X.astype(np.int8), TypeError, "int8.*float32"),
        ("quantize_rows", X[:, :0], ValueError, r"\(2, 0\).*1"),
        ("quantize_rows", np.float32(1), ValueError, "x has"),
        ("quantize_images", X, ValueError, r"\(2, 6\).*N, H, W, C"),
        ("quantize_images", IMAGES[..., :0], ValueError, r"\(1, 5, 7, 0\)"),
        ("quantize_weights", WEIGHT, TypeError, "int8.*float32"),
        ("quantize_weights", with_value(X, np.nan), ValueError, "finite"),
        ("quantize_weights", with_value(X, np.inf), ValueError, "finite"),
        ("quantize_weights", X[:0], ValueError, r"\(0, 6\)"),
    ],
)
def test_quantization_refuses(module, name, argument, exception, message) -> None:
    """The public functions and the definition refuse alike."""
    with pytest.raises(exception, match=f"(?s){message}"):
        getattr(module, name)(argument)


@pytest.mark.parametrize("module", [qd8, qd8_reference], ids=lambda m: m.__name__)
def test_quantize_weights_refuses_options(module) -> None:
    """An axis or a granularity that does not exist is named."""
    with pytest.raises(ValueError, match=r"axis.*2"):
        module.quantize_weights(X, axis=2)
    with pytest.raises(ValueError, match=r"per.*'block'.*channel.*tensor"):
        module.quantize_weights(X, per="block")


def test_from_float_refuses() -> None:
    """Weights that cannot be quantized, and a layout nobody has, are named."""
    with pytest.raises(TypeError, match=r"weight is float64.*astype\(np\.float32\)"):
        qd8.FullyConnected.from_float(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"weight has shape \(3,\)"):
        qd8.FullyConnected.from_float(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="finite"):
        qd8.FullyConnected.from_float(np.full((2, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"'IOHW'.*OHWI.*OIHW.*HWIO"):
        qd8.Conv2D.from_float(np.ones((1, 1, 1, 1), np.float32), weight_layout="IOHW")


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2", None])
def test_thread_counts_are_refused(count: object) -> None:
    """A number of threads is an int of 1 or more; the setting stays as it was."""
    before = qd8.get_num_threads()
    with pytest.raises((TypeError, ValueError), match="threads"):
        qd8.set_num_threads(count)
    with pytest.raises((TypeError, ValueError), match="threads"), qd8.threads(count):
        pass
    assert qd8.get_num_threads() == before


def test_memory_policies_are_refused() -> None:
    """An unknown policy is named together with the known ones."""
    refused = pytest.raises(ValueError, match=r"'tiny'.*fast.*small")
    with refused, qd8.options(memory="tiny"):
        pass
