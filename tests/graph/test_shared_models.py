"""The converter's own files: every operator kind of them, and whole answers."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import qd8
from qd8.graph.operators import OPERATORS
from qd8.tflite import read
from qd8.validation.reference import run_node
from tests.checks import assert_same_bits
from tests.graph.test_model_bits import litert, sqnr
from tests.tflite import operators, small
from tests.zoo.small import values

MODELS = Path(__file__).parents[3] / "shared/models"
FILES = [
    "deeplabv3_mnv2_257_drq",
    "deeplabv3_mnv2_257_drqx",
    "deeplabv3_mnv2_257_fp32",
    "effnetv2b0_drq",
    "effnetv2b0_fp32",
    "inceptionv3_drq",
    "sdunet_w0.2_drq",
    "sdunet_w0.2_fp32",
]

pytestmark = pytest.mark.skipif(
    not MODELS.exists(), reason="../shared/models is not here"
)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """The files by name; the UNets are written by the script beside the others."""
    folder = tmp_path_factory.mktemp("unet")
    subprocess.run(
        [sys.executable, MODELS / "sd_unet.py", folder],
        env={**os.environ, "WIDTH": "0.2"},
        check=True,
        capture_output=True,
    )
    return {
        path.stem: path for place in (MODELS, folder) for path in place.glob("*.tflite")
    }


def inputs_of(model, seed=0):
    """Return smooth images and normal rows."""
    return {i.name: values(i.name, i.shape, i.dtype, seed) for i in model.inputs}


@pytest.mark.parametrize("name", FILES)
def test_small_files_hold_every_kind(paths, name):
    """So each kind is compared with LiteRT, alone, in test_model_bits."""
    files = {**small.FILES, **operators.FILES}
    held = {op.op for make in files.values() for op in read(make()).main.operators}
    kinds = {op.op for op in read(paths[name]).main.operators}
    assert kinds <= held
    assert kinds <= set(OPERATORS)


@pytest.mark.parametrize("precision", ["fp32", "qd8-f32", "qd8-f16"])
@pytest.mark.parametrize("name", FILES)
def test_every_kind_equals_the_reference_in_its_place(paths, name, precision):
    """The smallest node of each kind, on the values that the whole model gives it."""
    model = qd8.load(paths[name], precision=precision)
    graph = model.graph
    chosen = {}
    for node in graph.nodes:
        shape = graph.tensors[node.outputs[0]].shape
        macs = max(node.operator.macs(graph.shapes(node), shape), int(np.prod(shape)))
        key = node.operator.name, node.quantized
        if key not in chosen or macs < chosen[key][0]:
            chosen[key] = macs, node
    nodes = [node for _, node in chosen.values()]
    wanted = {i for n in nodes for i in (*n.inputs, *n.outputs) if i is not None}
    names = {
        graph.tensors[i].name: i for i in wanted if not graph.tensors[i].is_constant
    }
    kept = model.run(inputs_of(model), keep=list(names))
    values_of = {i: kept[name] for name, i in names.items()}
    for node in nodes:
        found = run_node(graph, node, values_of)
        for i, value in zip(node.outputs, found, strict=True):
            assert_same_bits(value, values_of[i], f"{node.operator} {node.index}")


@pytest.mark.parametrize("name", [name for name in FILES if "fp32" in name])
def test_float_files_answer_as_litert(paths, name):
    """80 dB or better over smooth inputs, powers summed."""
    model = qd8.load(paths[name])
    count = 1 if "unet" in name else 4
    expected, actual = [], []
    for seed in range(count):
        inputs = inputs_of(model, seed)
        expected += litert(paths[name].read_bytes(), list(inputs.values()))
        actual += model.run(inputs).values()
    assert sqnr(np.stack(expected), np.stack(actual)) >= 80


@pytest.mark.parametrize("name", [name for name in FILES if "drq" in name])
def test_dynamic_range_files_are_as_good_as_litert(paths, name):
    """Against the same file with its weights dequantized: LiteRT's less 0.5 dB."""
    truth, model = (qd8.load(paths[name], precision=p) for p in ("fp32", "qd8-f32"))
    half = qd8.load(paths[name], precision="qd8-f16")
    count = 1 if "unet" in name else 6
    found = {"truth": [], "litert": [], "qd8-f32": [], "qd8-f16": []}
    for seed in range(count):
        inputs = inputs_of(model, seed)
        found["truth"] += truth.run(inputs).values()
        found["litert"] += litert(paths[name].read_bytes(), list(inputs.values()))
        found["qd8-f32"] += model.run(inputs).values()
        found["qd8-f16"] += half.run(inputs).values()
    stacked = {key: np.stack(each) for key, each in found.items()}
    quality = {key: sqnr(stacked["truth"], stacked[key]) for key in list(stacked)[1:]}
    assert quality["qd8-f32"] >= quality["litert"] - 0.5, quality
    assert quality["qd8-f16"] >= quality["qd8-f32"] - 1, quality


def test_full_integer_files_are_refused_but_inspected(paths):
    """The converter's own full-integer file."""
    with pytest.raises(NotImplementedError, match="full-integer"):
        qd8.load(paths["effnetv2b0_int8"])
    rows = qd8.inspect(paths["effnetv2b0_int8"])
    assert len(rows) == 266
    assert not any(row.quantized for row in rows)
    assert sum(row.macs for row in rows) == pytest.approx(0.718e9, rel=0.001)
