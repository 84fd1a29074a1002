"""Full-integer files keep TFLite's specification; LiteRT computes well with them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import qd8
from qd8 import tflite, zoo
from qd8.tflite import File, Quantization, Tensor
from qd8.zoo import full_integer
from qd8.zoo.affine import Affine
from qd8.zoo.calibration import smooth_samples
from qd8.zoo.net import Net
from tests.checks import assert_same_bits

from .records import canonical
from .small import SMALL, values
from .specification import CHANNELS, violations
from .test_save import sqnr
from .test_structure import MODELS

NAMES = ("inception_v3", "efficientnet_v2_b0", "efficientnet_v2_s", "deeplab_v3")
#: SQNR of LiteRT's answers for the small nets, in dB; the swish and the gates of S
#: amplify what its first layers round.
AGREEMENT = dict(zip(NAMES, (26, 20, 7, 14), strict=True))


@cache
def both(name: str) -> tuple[File, File]:
    """Return a small architecture in float32 and in integers."""
    files = (
        zoo.build(name, full_integer=full, **SMALL[name]) for full in (False, True)
    )
    floats, integers = map(tflite.read, files)
    return floats, integers


def litert(file: File, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return LiteRT's answer for one input, in real units."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(
        model_content=tflite.serialize(file), num_threads=1
    )
    interpreter.allocate_tensors()
    (given,), (made,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    if given["dtype"] is np.int8:
        scale, zero_point = given["quantization"]
        x = Affine(np.float32(scale), zero_point).quantize(x)
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    found: npt.NDArray[Any] = interpreter.get_tensor(made["index"])
    if found.dtype == np.int8:
        scale, zero_point = made["quantization"]
        return Affine(np.float32(scale), zero_point).dequantize(found)
    return found


def agreement(floats: File, integers: File) -> float:
    """Return the SQNR of LiteRT's integers to its floats on an image, in dB."""
    shape = floats.main.tensors[floats.main.inputs[0]].shape
    x = values("input", shape, np.float32)
    return sqnr(litert(floats, x), litert(integers, x))


@pytest.mark.parametrize("name", NAMES)
def test_the_specification_is_kept(name: str) -> None:
    """Types, axes, zero points, shared, constant and multiplied scales."""
    floats, integers = both(name)
    assert violations(integers) == []
    assert len(violations(floats)) > len(floats.main.operators)
    table = qd8.inspect(tflite.serialize(integers))
    assert "full integer" in str(table)
    assert len(table) == len(floats.main.operators)


@pytest.mark.parametrize("name", NAMES)
def test_litert_computes_well(name: str) -> None:
    """What LiteRT makes of the integers is near what it makes of the floats."""
    assert agreement(*both(name)) > AGREEMENT[name]


@pytest.mark.parametrize("op", ["CONCATENATION", "MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_a_scale_that_is_not_shared_is_seen(
    op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: an operator whose inputs keep scales of their own."""
    monkeypatch.setitem(full_integer.RULES, op, full_integer.Rule(2))
    file = tflite.read(zoo.build("inception_v3", **SMALL["inception_v3"]))
    wrong = violations(full_integer.quantize(file, smooth_samples(file)))
    assert wrong
    assert all(op in line and "one scale for all" in line for line in wrong)


def test_biases_in_other_steps_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: sums of twice the scale that the file says; LiteRT's answer shows it."""
    right, name = full_integer.quantize_bias, "inception_v3"
    twice = np.float32(2)
    monkeypatch.setattr(full_integer, "quantize_bias", lambda b, s: right(b, s * twice))
    floats, _ = both(name)
    wrong = full_integer.quantize(floats, smooth_samples(floats))
    assert agreement(floats, wrong) < AGREEMENT[name]


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (1, lambda said: replace(said, scale=said.scale * 2), "product"),
        (2, lambda said: replace(said, scale=said.scale * 2), "product"),
        (1, lambda said: replace(said, zero_point=said.zero_point + 1), "symmetric"),
        (2, lambda said: replace(said, zero_point=said.zero_point + 1), "symmetric"),
        (1, lambda said: replace(said, axis=1), "axis of channels"),
    ],
)
def test_wrong_constants_are_seen(
    place: int, change: Callable[[Quantization], Quantization], message: str
) -> None:
    """Planted: the scale, zero point or axis of a weight or a bias."""
    _, file = both("deeplab_v3")
    index = file.main.operators[0].inputs[place]
    tensors = [*file.main.tensors]
    said = tensors[index].quantization
    assert said is not None
    tensors[index] = replace(tensors[index], quantization=change(said))
    main = replace(file.main, tensors=tuple(tensors))
    (found,) = violations(replace(file, subgraphs=(main,)))
    assert message in found


REAL = ("deeplabv3_mnv2_257", "effnetv2b0")


@pytest.mark.parametrize("stem", REAL)
def test_it_is_the_converter_s_file(stem: str) -> None:
    """Operators, versions, options and all bytes of weights are the converter's.

    Ranges are not: the images that its file was calibrated on are not known.
    """
    paths = [MODELS / f"{stem}_{kind}.tflite" for kind in ("fp32", "int8")]
    if not all(path.exists() for path in paths):
        pytest.skip(f"{MODELS} holds no {stem}")
    floats, real = map(tflite.read, paths)
    shape = floats.main.tensors[floats.main.inputs[0]].shape
    (name,) = (each.name for each in qd8.load(paths[0]).inputs)
    made = full_integer.quantize(floats, [{name: values("", shape, np.float32)}])
    assert canonical(made) == canonical(real)
    compared = 0
    for call, ours, theirs in zip(
        *(file.main.operators for file in (floats, made, real)), strict=True
    ):
        if call.op not in CHANNELS:
            continue
        expected, found = real.main.tensors, made.main.tensors
        weight = expected[theirs.inputs[1]]
        assert_same_bits(weight.data, found[ours.inputs[1]].data)
        scale = found[ours.inputs[1]].quantization
        assert_same_bits(weight.quantization.scale, scale.scale)
        bias = expected[theirs.inputs[2]]
        floats_of = floats.main.tensors[call.inputs[2]].data
        sums = full_integer.quantize_bias(floats_of, bias.quantization.scale)
        assert_same_bits(bias.data, sums)
        compared += weight.data.size
    assert compared > 10**6


def test_every_operator_runs() -> None:
    """A net with all that Inception and its likes do not use."""
    net = Net("every operator")
    x = net.input("input", (1, 8, 8, 3))
    x = net.conv(net.pad(x, [(0, 0), (1, 2), (2, 1), (0, 0)]), 16, 3)
    x = net.transpose(x, (0, 2, 1, 3))
    x = net.resize("RESIZE_NEAREST_NEIGHBOR", x, (16, 16), half_pixel_centers=True)
    x = net.sub(x, net.mul(x, net.operator("TANH", (x,), x.shape)))
    x = net.reshape(net.max_pool(x, 4, 4), (1, 16, 16))
    file = net.finish({"y": net.softmax(net.dense(x, 20, activation="RELU6"))})
    made = full_integer.quantize(file, smooth_samples(file))
    assert violations(made) == []
    versions = {call.op: call.version for call in made.main.operators}
    assert versions["FULLY_CONNECTED"] == 5
    assert versions["RESIZE_NEAREST_NEIGHBOR"] == 3
    assert agreement(file, made) > 25


def test_two_pools_of_one_tensor_share() -> None:
    """All three have the scale of the union, through however many operators."""
    net, x = small_net()
    large = net.max_pool(x, 2, 1)
    mean = net.average_pool(x, 2, stride=1, padding="VALID")
    file = net.finish({"y": net.concatenate([net.conv(mean, 4), net.conv(large, 4)])})
    made = full_integer.quantize(file, smooth_samples(file))
    assert violations(made) == []
    said = [made.main.tensors[each.index].quantization for each in (x, large, mean)]
    assert len({float(each.scale[0]) for each in said}) == 1


def test_every_sample_counts() -> None:
    """A range holds what each of the samples gave, in any order."""
    net, x = small_net()
    file = net.finish({"y": x})
    samples = [{"input": np.full((1, 4, 4, 3), c, np.float32)} for c in (-1, 0, 3)]
    for order in (samples, samples[::-1]):
        made = full_integer.quantize(file, order)
        said = made.main.tensors[file.main.inputs[0]].quantization
        assert said.scale == np.float32(4 / 255)
        assert said.zero_point == -64


def test_a_constant_of_two_layers_is_written_for_each() -> None:
    """One weight and one bias behind inputs of different scales."""
    net = Net("twice")
    x = net.input("input", (1, 6, 6, 3))
    first = net.conv(x, 3, 3, activation="RELU6")
    second = net.conv(first, 3, 3)
    file = net.finish({"y": second})
    one, two = file.main.operators
    two = replace(two, inputs=(two.inputs[0], *one.inputs[1:]))
    file = replace(file, subgraphs=(replace(file.main, operators=(one, two)),))
    made = full_integer.quantize(file, smooth_samples(file))
    one, two = made.main.operators
    assert not {*one.inputs[1:]} & {*two.inputs[1:]}
    weights = [made.main.tensors[call.inputs[1]].data for call in (one, two)]
    assert_same_bits(*weights)
    assert agreement(file, made) > 30


def small_net() -> tuple[Net, Tensor]:
    """Return a net of one convolution, to which a test adds something."""
    net = Net("small")
    return net, net.conv(net.input("input", (1, 4, 4, 3)), 4, 3)


def refused(net: Net, last: Tensor, error: type[Exception], message: str) -> None:
    """Finish a net; it must be refused so."""
    file = net.finish({"y": last})
    with pytest.raises(error, match=message):
        full_integer.quantize(file, smooth_samples(file))


def test_what_has_no_integer_form_is_refused() -> None:
    """Unknown operators, stray constants, integer weights: each by its name."""
    with pytest.raises(NotImplementedError, match=r"operator \d+ \(\w+\) has no int"):
        zoo.build("sd_unet", full_integer=True, **SMALL["sd_unet"])
    net, x = small_net()
    constant = net.constant(np.ones(4, np.float32))
    refused(net, net.mul(x, constant), NotImplementedError, "'constant'.* is a const")
    net, x = small_net()
    refused(net, net.dense(x, 3, bias=False), NotImplementedError, "has no bias")
    options = {"weights": "int8", **SMALL["deeplab_v3"]}
    with pytest.raises(NotImplementedError, match="is INT8, not FLOAT32"):
        zoo.build("deeplab_v3", full_integer=True, **options)


def test_scales_that_contradict_are_refused() -> None:
    """A CONCATENATION of what must be in 1/256 with what is larger."""
    net, x = small_net()
    both_of = net.concatenate([net.logistic(x), x])
    refused(net, both_of, NotImplementedError, "must share one scale")
    net, x = small_net()
    alone = net.reshape(net.logistic(x), (1, 64))
    file = net.finish({"y": alone})
    made = full_integer.quantize(file, smooth_samples(file))
    assert made.main.tensors[alone.index].quantization.scale == 1 / 256


def test_impossible_values_are_refused() -> None:
    """No samples, samples that are not finite, sums that leave int32."""
    net, x = small_net()
    file = net.finish({"y": x})
    with pytest.raises(ValueError, match="no samples"):
        full_integer.quantize(file, [])
    with pytest.raises(ValueError, match=r"'input'.* is not finite"):
        full_integer.quantize(file, [{"input": np.full((1, 4, 4, 3), np.nan, "f4")}])
    tensors = [*file.main.tensors]
    bias = file.main.operators[0].inputs[2]
    tensors[bias] = replace(tensors[bias], data=np.full(4, 1e9, np.float32))
    main = replace(file.main, tensors=tuple(tensors))
    file = replace(file, subgraphs=(main,))
    with pytest.raises(
        ValueError, match=r"operator 0 \(CONV_2D\): a bias has .* int32"
    ):
        full_integer.quantize(file, smooth_samples(file))


def test_a_read_file_is_what_was_written() -> None:
    """Quantization survives the file: scales, zero points, axes."""
    _, file = both("inception_v3")
    again = tflite.read(tflite.serialize(file))
    for a, b in zip(file.main.tensors, again.main.tensors, strict=True):
        assert isinstance(a.quantization, Quantization) == (b.quantization is not None)
        if a.quantization and b.quantization:
            assert_same_bits(a.quantization.scale, b.quantization.scale)
            assert_same_bits(a.quantization.zero_point, b.quantization.zero_point)
            assert a.quantization.axis == b.quantization.axis
