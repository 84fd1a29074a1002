"""What is drawn: repeatable, quantized as the converter does, sane while it runs."""

import numpy as np
import pytest
from qd8_reference import quantize_weights

from qd8 import tflite, zoo

from .small import SMALL, values


def test_the_seed_is_all_that_matters() -> None:
    """The same seed gives the same file, another seed other weights."""
    first = zoo.build("deeplab_v3", width=0.1, resolution=33, seed=5)
    again = zoo.build("deeplab_v3", width=0.1, resolution=33, seed=5)
    other = zoo.build("deeplab_v3", width=0.1, resolution=33, seed=6)
    assert first == again
    assert len(first) == len(other)
    assert first != other


@pytest.mark.parametrize("name", SMALL)
def test_int8_is_the_float_file_quantized(name: str) -> None:
    """Weights of 1024 elements and more are int8 by R12, all others the same floats."""
    floats = getattr(zoo, name)(**SMALL[name]).main.tensors
    integers = getattr(zoo, name)(weights="int8", **SMALL[name]).main.tensors
    quantized = 0
    for a, b in zip(floats, integers, strict=True):
        if a.data is None or b.data is None:
            assert a.data is b.data
        elif b.dtype == "INT8":
            quantized += 1
            assert a.data.size >= 1024
            per = "tensor" if b.quantization.scale.size == 1 else "channel"
            found = quantize_weights(a.data, axis=b.quantization.axis, per=per)
            assert np.array_equal(found.values, b.data)
            assert np.array_equal(found.scale, b.quantization.scale)
        else:
            assert (a.dtype, a.data.tobytes()) == (b.dtype, b.data.tobytes())
            assert a.data.size < 1024 or "weight" not in a.name
    assert quantized > 10


def test_depthwise_weights_may_stay_float() -> None:
    """With float_depthwise no other weight changes."""
    options = {"width": 0.5, "resolution": 33, "weights": "int8"}
    stock = zoo.efficientnet_v2_b0(**options).main
    kept = zoo.efficientnet_v2_b0(float_depthwise=True, **options).main
    changed = {
        a.index
        for a, b in zip(stock.tensors, kept.tensors, strict=True)
        if a.dtype != b.dtype
    }
    depthwise = {
        operator.inputs[1]
        for operator in stock.operators
        if operator.op == "DEPTHWISE_CONV_2D"
        and stock.tensors[operator.inputs[1]].dtype == "INT8"
    }
    assert changed == depthwise
    assert depthwise


def test_channels_differ_as_trained_ones_do() -> None:
    """Magnitudes of output channels are lognormal with a spread of about 0.3."""
    file = zoo.inception_v3(width=0.5)
    weights = [
        file.main.tensors[operator.inputs[1]].data
        for operator in file.main.operators
        if operator.op == "CONV_2D" and operator.index > 0
    ]
    spreads = [np.log(w.std(axis=(1, 2, 3))).std() for w in weights]
    assert np.median(spreads) == pytest.approx(0.3, abs=0.03)


def test_without_a_seed_nothing_takes_memory() -> None:
    """The full UNet in float32, 3.4 GB, is there as records and no more."""
    file = zoo.sd_unet(seed=None)
    weights = [t.data for t in file.main.tensors if t.name.endswith("weight")]
    assert weights
    assert all(not any(each.strides) for each in weights)


@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("name", SMALL)
def test_activations_neither_vanish_nor_blow_up(name: str, weights: str) -> None:
    """LiteRT runs each file; what layers compute has a magnitude of about 1."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    file = getattr(zoo, name)(weights=weights, **SMALL[name])
    interpreter = litert.Interpreter(
        model_content=tflite.serialize(file),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=(
            litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.allocate_tensors()
    for given in interpreter.get_input_details():
        name = given["name"]
        x = values(name, tuple(given["shape"]), given["dtype"])
        interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    found = {}
    for operator in file.main.operators:
        out = interpreter.get_tensor(operator.outputs[0])
        assert np.isfinite(out).all() or out.dtype.kind != "f"
        if operator.op in ("CONV_2D", "FULLY_CONNECTED"):
            found[operator.index] = float(np.sqrt(np.mean(np.square(out))))
    assert min(found.values()) > 0.1
    assert max(found.values()) < 10
    assert 0.25 < np.median([*found.values()]) < 2
