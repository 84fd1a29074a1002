"""The benchmark architectures, reduced: every tensor is the reference's, to the bit.

With all passes over the graph, with each left out in turn, and with none.
"""

from importlib import import_module

import numpy as np
import pytest

import qd8
from qd8 import zoo
from qd8.graph.passes import PASSES
from qd8.graph.precision import PRECISIONS
from qd8.kernels import isa as tiers
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_nothing_lost, computed_when_fused
from tests.zoo.small import SMALL, values

# 2,700 operators: the reference takes ten seconds in fp32.
SLOW = {"sd_unet": ("qd8-f16", "qd8-f32")}
CASES = [
    (name, precision) for name in SMALL for precision in SLOW.get(name, PRECISIONS)
]


@pytest.fixture(autouse=True)
def _bands(monkeypatch):
    """Let tensors of reduced models be large enough to be cut into bands."""
    for name in ("bands", "ranges"):
        module = import_module(f"qd8.graph.passes.{name}")
        monkeypatch.setattr(module, "LARGE", 4 << 10)
    monkeypatch.setattr(import_module("qd8.graph.bands"), "ROOM", 8 << 10)


def choices(model):
    """No pass, and all but one, for each one that finds something in this model."""
    names = tuple(each.name for each in PASSES)
    graph = model.graph
    found = [()]
    for each in PASSES:
        before, graph = graph, each.apply(graph)
        if (graph.nodes, graph.slices) != (before.nodes, before.slices):
            found.append(tuple(name for name in names if name != each.name))
    return found


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_a_whole_model_equals_the_reference(name, precision):
    """Every tensor of it, and the outputs on every tier, with 1 and 2 threads."""
    content = zoo.build(name, weights="int8", **SMALL[name])
    model = qd8.load(content, precision=precision)
    inputs = {i.name: values(i.name, i.shape, i.dtype) for i in model.inputs}
    expected = run_reference(model, inputs, keep="all")
    outputs = model.run(inputs)
    kept = model.run(inputs, keep="all")
    assert list(expected) == list(kept)
    for key, value in kept.items():
        assert_same_bits(expected[key], value, key)
    assert_nothing_lost(model)
    for key, value in computed_when_fused(model, inputs).items():
        assert_same_bits(expected[key], value, f"{key}, fused")
    for passes in choices(model):
        other = qd8.load(content, precision=precision, passes=passes)
        for key, value in other.run(inputs).items():
            assert_same_bits(expected[key], value, f"{key} with passes {passes}")
    assert all(np.isfinite(value).all() for value in outputs.values())
    for tier in tiers.runnable():
        with tiers.forced(tier):
            other = qd8.load(content, precision=precision)
            for threads in (1, 2):
                with qd8.threads(threads):
                    for key, value in other.run(inputs).items():
                        assert_same_bits(expected[key], value, f"{key} on {tier}")
