"""Choosing passes: by name, kept by copies of a model, shown by inspect."""

import copy
import pickle

import numpy as np
import pytest

import qd8
from qd8.graph.inspect import inspect_passes
from qd8.graph.passes import PASSES, apply_passes
from tests.checks import assert_same_bits
from tests.tflite.net import Net

NAMES = tuple(each.name for each in PASSES)


@pytest.fixture(name="content")
def _content():
    net = Net()
    x = net.input(1, 8, shape_signature=(-1, 8))
    y = net.add("MUL", [x, net.add("LOGISTIC", [x], (1, 8))], (1, 8))
    return net.finish(y)


def fused(model):
    """Count the nodes that stand for several."""
    return sum(bool(node.parts) for node in model.fused_graph.nodes)


def test_names_are_unique_and_all_are_the_default(content):
    """A name is how a pass is switched off."""
    assert len(set(NAMES)) == len(NAMES)
    model = qd8.load(content)
    assert model.passes == NAMES
    assert fused(model) == 1


def test_an_unknown_pass_is_refused(content):
    """The message lists those that there are; a string is no collection of names."""
    with pytest.raises(ValueError, match=f"unknown pass 'swosh'; .*{NAMES[0]}"):
        qd8.load(content, passes=["swosh"])
    with pytest.raises(TypeError, match="a collection of names is needed"):
        qd8.load(content, passes="swish")


@pytest.mark.parametrize("passes", [None, (), ["swish"]])
def test_copies_keep_the_choice(content, passes):
    """A clone, a copy, a pickle and a model of another size run what it runs."""
    model = qd8.load(content, passes=passes)
    x = np.linspace(-9, 9, 8, dtype=np.float32)[None]
    expected = model(x)
    other = model.resize({0: (3, 8)})
    for each in (
        model.clone(),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        other,
    ):
        assert each.passes == model.passes
        assert fused(each) == fused(model)
    assert_same_bits(np.repeat(expected, 3, 0), other(np.repeat(x, 3, 0)))


def test_kept_tensors_are_those_of_the_file(content):
    """What a pass leaves out can still be asked for; so can each node's arrays."""
    model = qd8.load(content)
    x = np.linspace(-9, 9, 8, dtype=np.float32)[None]
    plain = qd8.load(content, passes=())
    seen = []
    found = model.run(
        {"t0": x}, keep="all", on_node=lambda layer, *_: seen.append(layer.op)
    )
    for name, value in plain.run({"t0": x}, keep="all").items():
        assert_same_bits(value, found[name], name)
    assert seen == ["LOGISTIC", "MUL"]
    assert [layer.op for layer in model.layers] == ["LOGISTIC", "MUL"]


def test_the_profile_shows_what_runs(content):
    """A row for each node that runs, with the operators that it stands for."""
    model = qd8.load(content)
    (row,) = model.profile(runs=1)
    assert (row.op, row.fused) == ("SWISH", ("LOGISTIC", "MUL"))
    (row,) = model.run({"t0": np.ones((1, 8), np.float32)}, profile=True).profile
    assert row.op == "SWISH"


def test_inspect_counts_nodes(content):
    """Before and after each pass, and how many nodes are new."""
    rows = {row.name: row for row in inspect_passes(qd8.load(content))}
    assert tuple(rows) == NAMES
    assert (rows["swish"].before, rows["swish"].after, rows["swish"].made) == (2, 1, 1)
    assert len(inspect_passes(qd8.load(content, passes=()))) == 0


def test_a_graph_without_prey_stays_itself():
    """Passes that find nothing leave the nodes as they are."""
    net = Net()
    content = net.finish(net.add("RELU", [net.input(2, 2)], (2, 2)))
    graph = qd8.load(content).graph
    assert apply_passes(graph, NAMES).nodes == graph.nodes
